//! Where small scenarios are played: two environments, what happens to them, and the verdict.

use std::path::Path;

use portcullis_harness::engine::PacketDetail;
use portcullis_harness::protocols::PROTOCOLS;
use portcullis_harness::run::{Attempt, Engine, attempt};
use portcullis_harness::scenario::{Ink, Known, Library, Plan, Scenario, ScenarioError};
use portcullis_reports::Verdict;

/// A scenario: what stands at its top, in the tables of its hosts and its link, and after them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scene<'s> {
    pub(crate) top: &'s str,
    pub(crate) dev: &'s str,
    pub(crate) prod: &'s str,
    pub(crate) link: &'s str,
    pub(crate) steps: &'s str,
}

impl Scene<'_> {
    fn text(&self) -> String {
        let Self {
            top,
            dev,
            prod,
            link,
            steps,
        } = self;
        format!(
            "title = \"A verdict rests on what happened\"\nclauses = [\"ET-17\"]\n{top}\n\
             [hosts.dev]\nrole = \"environment\"\n{dev}\n\
             [hosts.prod]\nrole = \"environment\"\n{prod}\n\
             [[link]]\nfrom = \"dev\"\nto = \"prod\"\nremote_port = 6102\nlocal_port = 6101\n\
             {link}\n{steps}"
        )
    }

    fn load(&self) -> Result<Scenario, ScenarioError> {
        load("environment-transfer/soundness", &self.text())
    }

    /// The plan of seed 1.
    pub(crate) fn plan(&self) -> Plan {
        plan(self.load())
    }

    /// Why it does not load.
    pub(crate) fn refused(&self) -> String {
        let error = self.load().expect_err("it does not load");
        error.render(Ink::Plain)
    }

    pub(crate) fn played(&self, engine: Engine) -> Attempt {
        let plan = self.plan();
        assert_eq!(engine.refusals(&plan), [""; 0]);
        attempt(&plan, engine, PacketDetail::Digest)
    }

    /// The verdict on the packet engine, and what was seen of what did not pass.
    pub(crate) fn verdict(&self) -> (Verdict, String) {
        verdict(&self.played(Engine::Packet))
    }
}

/// A scenario of that name with that text.
pub(crate) fn load(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = Library::find(here, PROTOCOLS.to_vec()).expect("scenarios/ can be read");
    let known = Known {
        protocols: PROTOCOLS,
        clauses: &|protocol| library.clauses_of(protocol),
    };
    Scenario::load(name, name, text.to_owned(), known)
}

/// The plan of seed 1.
pub(crate) fn plan(loaded: Result<Scenario, ScenarioError>) -> Plan {
    let scenario = loaded.unwrap_or_else(|error| {
        let told = error.render(Ink::Plain);
        panic!("it does not load:\n{told}")
    });
    Plan::new(&scenario, 1)
}

/// The verdict of a run, and what was seen of what did not pass.
pub(crate) fn verdict(run: &Attempt) -> (Verdict, String) {
    let findings = run.judgement.findings.iter();
    let seen = findings.filter(|finding| finding.verdict != Verdict::Pass);
    let seen: Vec<_> = seen
        .map(|finding| format!("{}: {}", finding.check, finding.seen))
        .collect();
    (run.judgement.verdict, seen.join("\n"))
}

/// A task of half a minute, handed over after a second.
pub(crate) const SUBMIT: &str = "[[at]]\ntime = \"1s\"\n\
    submit = { from = \"dev\", task = \"deploy\", as = \"t1\", work = \"30s\" }\n";

/// That the task ends well.
pub(crate) const COMPLETED: &str = "[[expect]]\ntask = \"t1\"\nbecomes = \"completed\"\n\
    at = \"dev\"\nwithin = \"10m\"\n";
