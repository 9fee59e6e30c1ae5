//! Imports whose process is killed at any point, and that another process begins again.
//!
//! The process is this program started again. What it was killed at is where so many files and
//! folders had been made.

#[cfg(unix)]
#[expect(dead_code, reason = "shared with the tests that need more of it")]
#[cfg(test)]
#[path = "import/world.rs"]
mod world;

#[cfg(unix)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word, folder] if word == "child" => killed::child(std::path::Path::new(folder)),
        _ => killed::main(),
    }
}

/// Other systems have no such signal.
#[cfg(not(unix))]
fn main() {}

#[cfg(test)]
#[cfg(unix)]
mod killed {
    use std::error::Error;
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::Path;
    use std::process::{Child, Command};

    use libtest_mimic::{Arguments, Failed, Trial};
    use portcullis_web_service::work::cabinet::Compression;
    use portcullis_web_service::work::pack::PackOptions;

    use crate::world::{Tree, World, import};

    const COMPRESSION: Compression = Compression::Mszip;

    pub(crate) fn main() {
        let name = "an import killed anywhere ends as if it had not been";
        let trial = Trial::test(name, || {
            campaign().map_err(|error| Failed::from(error.to_string()))
        });
        libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
    }

    /// Imports what is uploaded, from the beginning.
    pub(crate) fn child(folder: &Path) {
        let world = World::at(folder);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let order = world.order(COMPRESSION);
        runtime.block_on(import(&world.importer(), &order)).unwrap();
    }

    fn start(world: &World) -> Result<Child, Box<dyn Error>> {
        let mut program = Command::new(std::env::current_exe()?);
        Ok(program.arg("child").arg(world.path()).spawn()?)
    }

    fn campaign() -> Result<(), Box<dyn Error>> {
        let mut content = Tree::from([("/d".to_owned(), None)]);
        for number in 0..8_u8 {
            let octets = vec![number; usize::from(number) * 20_000];
            content.insert(format!("/d/{number}"), Some(octets));
        }
        let mut killed = 0;
        for wanted in 1..28 {
            let world = World::new();
            world.pack(&content, &PackOptions::default());
            let mut child = start(&world)?;
            while world.progress() < wanted && child.try_wait()?.is_none() {
                std::thread::yield_now();
            }
            child.kill()?;
            // One that had ended before was not killed.
            killed += u32::from(child.wait()?.signal().is_some());
            // What is in the site is whole.
            for (path, octets) in world.placed() {
                assert_eq!(content.get(&path), Some(&octets), "{path}");
            }
            if !start(&world)?.wait()?.success() {
                return Err(format!("not imported after a death at {wanted}").into());
            }
            assert!(world.placed() == content, "after a death at {wanted}");
            assert!(!world.working().exists());
        }
        // The others ended faster than they were looked at.
        assert!(killed >= 5, "only {killed} were killed");
        Ok(())
    }
}
