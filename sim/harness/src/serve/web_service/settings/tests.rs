//! What a configuration file of a farm says, and what it may not say.

use std::time::Duration;

use portcullis_web_service::config::Deployments;
use portcullis_web_service::state::AfterTimeout;

use super::*;
use crate::scenario::Ink;

const LEAST: &str = "server = \"wfe1\"\nstate = \"state/target\"\nport = 8080\n";

fn parse(rest: &str) -> Result<FarmSettings, ScenarioError> {
    let text = format!("{LEAST}{rest}");
    FarmSettings::parse("farm.toml", &text, Path::new("/etc/portcullis"))
}

fn complaints(rest: &str) -> Vec<String> {
    let error = parse(rest).expect_err("refused");
    let problems = error.problems.into_iter();
    problems.map(|problem| problem.message).collect()
}

#[test]
fn the_least_that_a_file_says_leaves_every_default_of_the_farm() {
    let expected = Config::new("wfe1", 8080, "http://127.0.0.1:8080");
    let settings = parse("").expect("good");
    assert_eq!(settings.farm, expected);
    assert!(!settings.farm.accept_incoming_jobs, "off by default");
    assert_eq!(settings.state, Path::new("/etc/portcullis/state/target"));
    assert_eq!(
        settings.temporary_folder,
        Path::new("/etc/portcullis/state/target/temporary")
    );
    let emptied = parse("[timers]\n[limits]\n[deployments]\n").expect("good");
    assert_eq!(emptied.farm, expected, "the keys' defaults are the farm's");
    assert_eq!(emptied.import_limits, ImportLimits::default());
}

#[test]
fn everything_that_a_file_may_say_is_heard() {
    let settings = parse(
        "administration_url = \"http://target:8080/\"\naccept_incoming_jobs = true\n\
         import_server_url = \"http://other:8080\"\nlate_cancel = \"fault\"\ncompat = \"aspnet\"\n\
         [[web_application]]\nname = \"Intranet\"\nurl = \"http://intranet/\"\n\
         [[site_collection]]\nweb_application = \"Intranet\"\npath = \"/sites/news\"\n\
         directory = \"news\"\n\
         [database]\nname = \"farm\"\nuser = \"portcullis\"\nport = 15432\n\
         [timers]\nimport = \"2h\"\ncancel = \"5s\"\n\
         database = \"20s\"\n[limits]\nupload = \"1 GiB\"\n\
         upload_rate = \"0 B\"\njobs = 7\nhead = \"8 KiB\"\nhead_fields = 50\nimports = 1\n\
         unpacked_files = 9\nunpacked = \"1 MiB\"\n",
    )
    .expect("good");
    let farm = settings.farm;
    assert_eq!(farm.administration_url, "http://target:8080");
    assert!(farm.accept_incoming_jobs && !farm.is_import_server);
    assert_eq!(farm.late_cancel, LateCancel::Fault);
    assert_eq!(farm.compat, Compat::Aspnet);
    assert_eq!(farm.timers.import, Some(Duration::from_secs(7200)));
    assert_eq!(farm.timers.cancel, Duration::from_secs(5));
    assert_eq!(
        (farm.limits.upload_octets_max, farm.limits.jobs_max),
        (1 << 30, 7)
    );
    assert_eq!(farm.limits.upload_octets_per_minute_min, 0);
    assert_eq!(farm.timers.database, Duration::from_secs(20));
    let heads = (farm.limits.head_octets_max, farm.limits.header_fields_max);
    assert_eq!((heads, farm.limits.imports_max), ((8 << 10, 50), 1));
    let import = settings.import_limits;
    assert_eq!((import.files_max, import.octets_max), (9, 1 << 20));
    let application = farm
        .web_application("HTTP://INTRANET")
        .expect("it is there");
    assert!(application.site_collections.contains("/sites/news"));
    let place = ("http://intranet".to_owned(), "/sites/news".to_owned());
    assert_eq!(settings.sites[&place], Path::new("/etc/portcullis/news"));
    let database = settings.database.expect("it is shared");
    assert_eq!((database.port, database.password), (15432, None));
}

#[test]
fn beyond_loopback_somebody_must_prove_who_he_is() {
    let message = "other machines could deploy content without proving who they are";
    assert_eq!(complaints("listen = \"10.0.0.1\"\n"), [message]);
    let localhost = "callers would be told that this farm is at localhost";
    let everywhere = complaints("listen = \"0.0.0.0\"\n");
    assert_eq!(everywhere, [localhost, message]);
    let named = "listen = \"0.0.0.0\"\nadministration_url = \"http://target:8080\"\n";
    assert_eq!(complaints(named), [message]);
}

#[test]
fn a_farm_that_could_not_be_reached_or_would_lose_files_is_refused() {
    let shared = complaints(
        "temporary_folder = \"sites\"\n\
         [[web_application]]\nname = \"A\"\nurl = \"http://a\"\n\
         [[site_collection]]\nweb_application = \"A\"\npath = \"/\"\ndirectory = \"sites/a\"\n",
    );
    let message = "/etc/portcullis/sites/a is in the temporary folder, or around it";
    assert_eq!(shared, [message]);
    for url in [
        "http://x:99999",
        "http://x?y",
        "http://u:p@x",
        "http://x/path",
    ] {
        let said = complaints(&format!("administration_url = \"{url}\"\n"));
        assert_eq!(said.len(), 1, "{url}: {said:?}");
    }
}

#[test]
fn what_cannot_be_is_told_all_at_once() {
    let said = complaints(
        "administration_url = \"target:8080\"\n\
         [[web_application]]\nname = \"A\"\nurl = \"ftp://a\"\n\
         [[site_collection]]\nweb_application = \"A\"\npath = \"news/\"\ndirectory = \"n\"\n\
         [[site_collection]]\nweb_application = \"A\"\npath = \"news/\"\ndirectory = \"m\"\n",
    );
    assert_eq!(
        said,
        [
            "`administration_url` begins with neither http:// nor https://",
            "`url` is no address of a web site",
            "not the path of a site collection",
            "not the path of a site collection",
            "two site collections with one path",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_key_hides_nothing_else() {
    let site = "[[site_collection]]\nweb_application = \"B\"\npath = \"/\"\n";
    let said = complaints(&format!(
        "administration_url = \"target:8080\"\n[deployments]\nattempts = 0\n\
         [[web_application]]\nname = \"A\"\nurl = \"HTTP://a\"\n\
         {site}directory = \"n\"\n{site}directory = \"m\"\n"
    ));
    assert_eq!(said.len(), 5, "{said:?}");
    for what in [
        "attempts",
        "`administration_url`",
        "two site collections with one path",
    ] {
        assert!(
            said.iter().any(|said| said.contains(what)),
            "{what}: {said:?}"
        );
    }
    let unknown = said.iter().filter(|said| said.contains("`B`"));
    assert_eq!(unknown.count(), 2, "{said:?}");

    let text = "server = \"\"\nport = 0\n[limits]\nhead = \"0 B\"\n";
    let error = FarmSettings::parse("farm.toml", text, Path::new("/etc")).expect_err("refused");
    let said: Vec<String> = error
        .problems
        .into_iter()
        .map(|said| said.message)
        .collect();
    for what in ["`state`", "`port`", "not a name", "`head`"] {
        assert!(
            said.iter().any(|said| said.contains(what)),
            "{what}: {said:?}"
        );
    }
    assert_eq!(said.len(), 4, "{said:?}");
}

#[test]
fn each_web_application_has_an_address_of_its_own() {
    let both = |one: &str, other: &str| {
        format!(
            "[[web_application]]\nname = \"A\"\nurl = \"{one}\"\n\
             [[web_application]]\nname = \"B\"\nurl = \"{other}\"\n"
        )
    };
    for other in [
        "http://a",
        "http://a/",
        "http://A",
        "http://a:80",
        "http://a:80/",
    ] {
        let error = parse(&both("http://a", other)).expect_err("refused");
        let said = error.render(Ink::Plain);
        let where_it_is = "farm.toml:9:7";
        let what = "`A` and `B`: two web applications with one address";
        assert!(said.contains(what), "{said}");
        assert!(
            said.contains(where_it_is) && said.contains("url = "),
            "{said}"
        );
    }
    for other in ["https://a", "http://a:443", "http://b", "http://a/b"] {
        assert!(parse(&both("http://a", other)).is_ok(), "{other}");
    }
}

#[test]
fn timers_that_cannot_be_are_refused() {
    let said = complaints("[timers]\nlease = \"999ms\"\nimport = \"0s\"\nmessage = \"0s\"\n");
    assert_eq!(
        said,
        [
            "`lease` is shorter than 1s",
            "`import` is shorter than 1ms",
            "`message` is shorter than 1ms"
        ]
    );
    let settings = parse("[timers]\nlease = \"1s\"\ndrain = \"0s\"\n").expect("good");
    assert_eq!(settings.farm.timers.lease, Duration::from_secs(1));
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let said = complaints("[limits]\nmessage = \"2 MiB\"\nmessage_room = \"1 MiB\"\n");
    assert_eq!(said, ["`message_room` has no room for one `message`"]);
    let said = complaints("[limits]\nmessage = \"4194305 B\"\n");
    assert_eq!(said, ["`message` is more than any message may have"]);
    let said = complaints("[limits]\nhead = \"0 B\"\nunpacked = \"0 B\"\n");
    assert_eq!(said, ["`head` is nothing", "`unpacked` is nothing"]);
    let room = "[limits]\nmessage = \"2 MiB\"\nmessage_room = \"2 MiB\"\n";
    let limits = parse(room).expect("good").farm.limits;
    assert_eq!(limits.message_room_octets_max, 2 << 20);
}

#[cfg(unix)]
#[test]
fn a_password_is_read_from_a_file_that_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("deploy.password");
    let text =
        format!("{LEAST}[[account]]\nname = \"deploy\"\npassword_file = \"deploy.password\"\n");
    let read = || FarmSettings::parse("farm.toml", text.as_str(), directory.path());
    std::fs::write(&file, "secret word\nmore\n").expect("written");
    for (mode, is_read) in [(0o644, false), (0o600, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("ours");
        assert_eq!(read().is_ok(), is_read, "{mode:o}");
    }
    let settings = read().expect("good");
    let accounts = settings.farm.authentication.accounts;
    assert_eq!(accounts[0].password, "secret word");
    assert!(!format!("{accounts:?}").contains("secret"), "never printed");
}

#[test]
fn what_is_deployed_and_how_is_heard() {
    let settings = parse(
        "[[source]]\nname = \"staging\"\ndirectory = \"content\"\n\
         [deployments]\nexport_server = false\ncentral_administration = false\n\
         block_jobs_of_one_path = false\npolling_interval = \"1s\"\ntimeout = \"30s\"\n\
         delete_after_timeout = true\npackage_max = \"1 MiB\"\nattempts = 2\n\
         attempt_rest = \"0s\"\n",
    );
    let settings = settings.expect("good");
    let expected = Deployments {
        is_export_server: false,
        hosts_administration: false,
        blocks_jobs_of_one_path: false,
        polling_interval: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
        after_timeout: AfterTimeout::Delete,
        package_octets_max: 1 << 20,
        attempts_max: 2,
        attempt_rest: Duration::ZERO,
    };
    assert_eq!(settings.farm.deployments, expected);
    let sources = settings.deploying.sources;
    assert_eq!(sources["staging"], Path::new("/etc/portcullis/content"));
}

#[test]
fn deployments_that_cannot_be_are_refused() {
    let said = complaints("[deployments]\npolling_interval = \"0s\"\ntimeout = \"0s\"\n");
    assert_eq!(
        said,
        ["`polling_interval` is nothing", "`timeout` is nothing"]
    );
    let source = "[[source]]\nname = \"a\"\ndirectory = \"a\"\n";
    let said = complaints(&format!("{source}{source}"));
    assert!(said[0].contains("source"), "{said:?}");
    let target = "account = \"anna\"\npassword_file = \"absent\"\n";
    let said = complaints(&format!(
        "[[target]]\nadministration_url = \"target:8080\"\n{target}\
         [[target]]\nadministration_url = \"https://target\"\n{target}"
    ));
    assert_eq!(
        said[..2],
        [
            "the address of a Central Administration begins with neither http:// nor https://",
            "nobody says whose certificates are believed",
        ]
    );
    let said = complaints("[deployments]\npoling_interval = \"1s\"\n");
    assert!(said[0].contains("poling_interval"), "{said:?}");
}
