//! A deploying farm as its administrators use it.

use std::fs;

use crate::farms::Farms;

#[tokio::test]
async fn two_farms_on_one_machine_deploy_a_tree() {
    let farms = Farms::new("");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    let offers = farms.ends(0, &["offers", &farms.target_url()]).await;
    assert_eq!(offers, "http://intranet (Intranet)\n    /sites/news");
    farms.define(&[]).await;
    farms.ends(3, &["status", "nightly"]).await;
    let said = farms.ends(0, &["run", "nightly"]).await;
    assert!(said.ends_with("nightly succeeded"), "{said}");
    let deployed = fs::read_to_string(farms.site.path("sites/news/news/today.html"));
    assert_eq!(deployed.expect("it is deployed"), "<p>today</p>");
    let shown = farms.ends(0, &["status", "nightly"]).await;
    assert!(shown.contains("the import job is deleted"), "{shown}");
    let listed = farms.ends(0, &["status"]).await;
    assert!(
        listed.contains("nightly  production  full  Success"),
        "{listed}"
    );
    let paths = farms.ends(0, &["paths"]).await;
    assert!(paths.contains("http://intranet/sites/news"), "{paths}");
}

#[tokio::test]
async fn what_is_marked_is_deployed_quickly() {
    let farms = Farms::new("");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    farms.define(&[]).await;
    let quick = [
        "define-job",
        "quick",
        "--path",
        "production",
        "--kind",
        "quick-deploy",
    ];
    farms.ends(0, &quick).await;
    farms
        .ends(0, &["mark", "--source", "staging", "news/today.html"])
        .await;
    farms
        .ends(2, &["mark", "--source", "staging", "nothing.html"])
        .await;
    farms.ends(0, &["run", "quick"]).await;
    assert!(farms.site.path("sites/news/news/today.html").exists());
    assert!(!farms.site.path("sites/news/index.html").exists());
}

#[tokio::test]
async fn what_a_target_does_not_offer_is_refused_with_what_it_does() {
    let farms = Farms::new("");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    let url = farms.target_url();
    let path = |site_collection| {
        [
            "define-path",
            "production",
            "--source",
            "staging",
            "--to",
            &url,
            "--web-application",
            "http://intranet",
            "--site-collection",
            site_collection,
        ]
    };
    farms.ends(2, &path("/sites/new")).await;
    let complaint = farms.complaint();
    assert!(
        complaint.contains("did you mean /sites/news?"),
        "{complaint}"
    );
    let mut unchecked = path("/sites/new").to_vec();
    unchecked.push("--unchecked");
    farms.ends(0, &unchecked).await;
    farms
        .ends(0, &["define-job", "nightly", "--path", "production"])
        .await;
    // CD-17: nor does the target take it.
    farms.ends(1, &["run", "nightly"]).await;
    farms
        .ends(2, &["define-job", "weekly", "--path", "nowhere"])
        .await;
    farms.ends(2, &["run", "weekly"]).await;
    farms.ends(2, &["watch", "weekly"]).await;
    farms.ends(2, &["cancel", "weekly"]).await;
}

#[tokio::test]
async fn a_run_that_no_timer_service_starts_stays_preparing_until_it_is_cancelled() {
    let farms = Farms::new("central_administration = false\n");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly", "--detach"]).await;
    farms.shows(3, "Preparing").await;
    farms.ends(2, &["run", "nightly"]).await;
    let watch = farms.command(&["watch", "nightly"]);
    farms.ends(0, &["cancel", "nightly"]).await;
    let said = watch.ends_with(1).await;
    assert!(said.ends_with("nightly cancelled"), "{said}");
    farms.shows(1, "Cancelled").await;
    farms.ends(1, &["cancel", "nightly"]).await;
}

#[tokio::test]
async fn a_schedule_rests_while_its_path_is_disabled_and_ends_in_the_middle_of_a_run() {
    let farms = Farms::new("");
    // No import begins: a run stays where it is.
    farms.configure_target("1h");
    let target = farms.serve("target").await;
    let source = farms.serve("source").await;
    farms.define_path(&["--disabled"]).await;
    let job = ["define-job", "nightly", "--path", "production"];
    let scheduled = [&job[..], &["--every", "1s"]].concat();
    farms.ends(0, &scheduled).await;
    source.logs("not run: its path is disabled").await;
    let said = farms.shows(3, "never run").await;
    for words in [
        "production (disabled), full",
        "not while its path is disabled",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let listed = farms.ends(0, &["status"]).await;
    assert!(listed.contains("production (disabled)"), "{listed}");

    farms
        .define_path(&["--disabled", "--timeout", "50ms"])
        .await;
    let complaint = farms.complaint();
    assert!(
        complaint.contains("before it has asked once"),
        "{complaint}"
    );
    farms.define_path(&[]).await;
    assert_eq!(farms.complaint(), "");
    farms.shows(3, "when this run has ended").await;
    let other = [&job[..], &["--kind", "incremental"]].concat();
    farms.ends(2, &other).await;
    farms.ends(0, &job).await;
    let said = farms.shows(3, "ImportPreparing").await;
    assert!(!said.contains("due next"), "{said}");
    farms.ends(0, &["cancel", "nightly"]).await;
    farms.shows(1, "Cancelled").await;

    // The target takes no jobs any more, and deletes what it has of them.
    target.kill().await;
    farms
        .site
        .replace("target.toml", "jobs = true", "jobs = false");
    let _target = farms.serve("target").await;
    farms.ends(1, &["run", "nightly"]).await;
    let said = farms.ends(0, &["delete-job", "nightly"]).await;
    assert_eq!(said, "nightly is deleted");
}

#[tokio::test]
async fn a_target_that_is_gone_leaves_the_status_as_it_was_until_the_timeout() {
    let farms = Farms::new("");
    // No import begins: its status does not change.
    farms.configure_target("1h");
    let target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    farms.define(&["--timeout", "3s"]).await;
    farms.ends(0, &["run", "nightly", "--detach"]).await;
    farms.shows(3, "last told").await;
    target.kill().await;
    // CD-53: what was told last is what there is to see.
    farms.shows(3, "ImportPreparing").await;
    let said = farms.ends(1, &["watch", "nightly"]).await;
    assert!(said.contains("did not change for too long"), "{said}");
    farms.shows(1, "ImportTimedOut").await;
}

#[tokio::test]
async fn a_job_is_deleted_when_its_target_has_deleted_its_logs() {
    let farms = Farms::new("");
    let target = farms.serve("target").await;
    let source = farms.serve("source").await;
    farms.ends(2, &["delete-job", "nightly"]).await;
    farms.define(&[]).await;
    // It has never run: nobody is asked.
    let said = farms.ends(0, &["delete-job", "nightly"]).await;
    assert_eq!(said, "nightly is deleted");
    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly"]).await;
    let said = farms.ends(0, &["delete-job", "nightly"]).await;
    assert_eq!(said, "nightly is deleted");
    farms.ends(2, &["status", "nightly"]).await;
    let listed = farms.ends(0, &["status"]).await;
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(source.log().contains("deployment nightly: deleted"));
    assert!(farms.site.path("sites/news/index.html").exists());

    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly"]).await;
    target.kill().await;
    farms.ends(2, &["delete-job", "nightly"]).await;
    let complaint = farms.complaint();
    assert!(
        complaint.contains("import logs may be left at the target: cannot connect"),
        "{complaint}"
    );
    assert!(complaint.contains("--leave-logs"), "{complaint}");
    farms.shows(0, "warning not deleted, import logs").await;
    let said = farms
        .ends(0, &["delete-job", "nightly", "--leave-logs"])
        .await;
    assert_eq!(said, "nightly is deleted");
    farms.ends(2, &["status", "nightly"]).await;
}

#[tokio::test]
async fn a_job_that_runs_is_not_deleted() {
    let farms = Farms::new("");
    farms.configure_target("1h");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly", "--detach"]).await;
    for order in [
        &["delete-job", "nightly"][..],
        &["delete-job", "nightly", "--leave-logs"],
    ] {
        farms.ends(2, order).await;
        let complaint = farms.complaint();
        assert!(complaint.contains("the job is running"), "{complaint}");
    }
}

#[tokio::test]
async fn a_source_that_is_killed_while_it_deletes_a_job_deletes_it() {
    // It would try for ever.
    let farms = Farms::new("attempts = 1000000\n");
    let target = farms.serve("target").await;
    let source = farms.serve("source").await;
    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly"]).await;
    target.kill().await;
    let deletion = farms.command(&["delete-job", "nightly"]);
    farms.shows(0, "is being deleted").await;
    farms.ends(2, &["run", "nightly"]).await;
    source.kill().await;
    deletion.ends_with(3).await;
    let _source = farms.serve("source").await;
    farms.shows(0, "is being deleted").await;
    let deletion = farms.command(&["delete-job", "nightly"]);
    let _target = farms.serve("target").await;
    deletion.ends_with(0).await;
    farms.ends(2, &["status", "nightly"]).await;
}

#[tokio::test]
async fn a_source_that_is_killed_goes_on_where_it_was() {
    let farms = Farms::new("");
    farms.configure_target("1h");
    let target = farms.serve("target").await;
    let source = farms.serve("source").await;
    farms.define(&[]).await;
    farms.ends(0, &["run", "nightly", "--detach"]).await;
    farms.shows(3, "last told").await;
    let watch = farms.command(&["watch", "nightly"]);
    source.kill().await;
    watch.ends_with(3).await;
    farms.ends(3, &["status"]).await;
    target.terminate().await;
    target.ends_with(0).await;
    farms.configure_target("50ms");
    let _target = farms.serve("target").await;
    let _source = farms.serve("source").await;
    farms.ends(0, &["watch", "nightly"]).await;
    let shown = farms.shows(0, "Success").await;
    assert!(
        shown.contains("goes on after it was interrupted"),
        "{shown}"
    );
    let jobs = shown.matches("the import job is ").count();
    assert_eq!(jobs, 2, "one was created and deleted: {shown}");
}
