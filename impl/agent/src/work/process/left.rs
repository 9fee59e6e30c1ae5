//! What a killed agent has left running.

/// Kills every process whose environment holds all of `marks`, each as `NAME=value`.
///
/// A process group would not do: the agent that knew its number is dead, and the number may belong
/// to another by now. The environment is inherited by everything that a command starts.
#[cfg(target_os = "linux")]
pub(super) async fn kill_marked(marks: &[String]) {
    let mut killed = std::collections::BTreeSet::new();
    // What a process starts while it is looked for is found by the next look.
    loop {
        let mut is_new = false;
        for process in marked(marks).await {
            is_new |= killed.insert(process);
            if let Some(process) = rustix::process::Pid::from_raw(process) {
                // The only error is that it has ended.
                rustix::process::kill_process(process, rustix::process::Signal::KILL).ok();
            }
        }
        if !is_new {
            return;
        }
    }
}

/// The processes of this host that are marked so, as far as they are ours to see.
#[cfg(target_os = "linux")]
async fn marked(marks: &[String]) -> Vec<i32> {
    let mut found = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir("/proc").await else {
        return found;
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let environment = tokio::fs::read(entry.path().join("environ")).await;
        let environment = environment.unwrap_or_default();
        let holds = |mark: &String| {
            let mut variables = environment.split(|octet| *octet == 0);
            variables.any(|variable| variable == mark.as_bytes())
        };
        if marks.iter().all(holds) {
            found.push(process);
        }
    }
    found
}

/// Other systems do not let a process be found by its environment.
#[cfg(not(target_os = "linux"))]
pub(super) async fn kill_marked(_: &[String]) {}
