//! The invariants of content deployment: what must hold in every run, whatever its faults.

use portcullis_reports::Entry;

use super::cast;
use super::invariants::{answers, deadlines, deployments, durability, imports, statuses};
use super::reading::Reading;
use crate::check::{Invariant, Outcome};
use crate::protocols::breach::outcome;
use crate::scenario::Plan;

pub use crate::protocols::breach::{Breach, Needs};

/// One rule, and the function that looks for breaches of it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable name, in kebab case.
    pub name: &'static str,
    /// The clauses it stands for; the strictest of them says how bad a breach is.
    pub clauses: &'static [&'static str],
    /// The rule as a sentence.
    pub claim: &'static str,
    /// What it needs to see.
    pub needs: Needs,
    /// Finds the breaches.
    pub check: fn(&Reading<'_>) -> Vec<Breach>,
}

/// One table, twice: as rules over a reading, and as the core's invariants over a history.
macro_rules! rules {
    ($($needs:ident $name:literal [$($clause:literal),+] $claim:literal => $check:path;)+) => {
        /// Every rule, those that the wire decides first.
        pub const RULES: &[Rule] = &[$(Rule {
            name: $name,
            clauses: &[$($clause),+],
            claim: $claim,
            needs: Needs::$needs,
            check: $check,
        }),+];

        /// Every rule, as the core asks for them.
        pub const INVARIANTS: &[Invariant] = &[
            $(Invariant {
                name: $name,
                clauses: &[$($clause),+],
                expected: $claim,
            },)+
        ];
    };
}

rules! {
    Wire "answers-match-their-request" ["CD-5", "CD-8", "CD-16", "CD-28", "CD-35"]
        "a call is answered by the response of its operation or a fault, in its own SOAP version"
        => answers::answers_match_their_request;
    Wire "answers-are-of-the-schema" ["CD-6", "CD-9", "CD-11", "CD-12", "CD-17", "CD-36"]
        "an answer has the elements, statuses and identifiers of the schema and nothing else"
        => answers::answers_are_of_the_schema;
    Wire "job-ids-differ" ["CD-20", "CD-23"]
        "every CreateJob is answered with a job of its own"
        => answers::job_ids_differ;
    Wire "deleted-jobs-are-gone" ["CD-31"]
        "once DeleteJob was answered, nothing more is granted for the job"
        => answers::deleted_jobs_are_gone;
    Wire "deleting-logs-never-fails" ["CD-33", "CD-34", "CD-35"]
        "DeleteImportLogs is answered by its response, whether there are logs or not"
        => answers::deleting_logs_never_fails;
    Wire "refusing-farms-take-nothing" ["CD-3", "CD-19"]
        "a farm that is set to take no incoming jobs creates and runs none and takes no file"
        => answers::refusing_farms_take_nothing;
    Wire "callers-are-known" ["CD-2", "CD-19"]
        "who does not show the right credentials is granted nothing"
        => answers::callers_are_known;
    Wire "statuses-move-forward" ["CD-25", "CD-27", "CD-30"]
        "the reported status of a job moves along its table and stays at its end"
        => statuses::statuses_move_forward;
    Wire "nothing-starts-by-itself" ["CD-21"]
        "no job is reported as running or imported before its RunJob"
        => statuses::nothing_starts_by_itself;
    Inside "running-is-answered-at-once" ["CD-24"]
        "RunJob is answered before the import has ended"
        => statuses::running_is_answered_at_once;
    Inside "polling-moves-nothing" ["CD-26"]
        "asking for the status of a job does not move it"
        => statuses::polling_moves_nothing;
    Inside "reported-statuses-are-true" ["CD-25"]
        "the status that is reported is one that the job had between question and answer"
        => statuses::reported_statuses_are_true;
    Inside "final-states-stay" ["CD-27"]
        "a job that has ended stays as it is until it is deleted"
        => statuses::final_states_stay;
    Inside "recorded-before-answered" ["CD-20", "CD-24", "CD-31"]
        "what CreateJob, RunJob and DeleteJob answer is durable before"
        => durability::recorded_before_answered;
    Inside "acknowledged-uploads-are-stored" ["CD-41"]
        "an upload is acknowledged when the file is durable and recorded"
        => durability::acknowledged_uploads_are_stored;
    Inside "stored-files-are-those-sent" ["CD-41", "CD-44"]
        "what an acknowledged upload leaves behind is what was sent"
        => durability::stored_files_are_those_sent;
    Inside "half-files-do-not-count" ["CD-41", "CD-43"]
        "a file counts for its job only once all of it has come"
        => durability::half_files_do_not_count;
    Inside "decompression-is-asked-for" ["CD-21", "CD-24"]
        "packages are decompressed after RunJob, and once unless interrupted"
        => imports::decompression_is_asked_for;
    Inside "cancelling-comes-before-decompression" ["CD-29"]
        "a job whose decompression has begun is not cancelled"
        => imports::cancelling_comes_before_decompression;
    Inside "objects-are-placed-once" ["CD-24"]
        "an import places each object once, unless interrupted"
        => imports::objects_are_placed_once;
    Inside "success-is-complete" ["CD-25"]
        "a job succeeds when all its objects are in the site"
        => imports::success_is_complete;
    Inside "imports-come-to-an-end" ["CD-24", "CD-25"]
        "an import that was started and is not interrupted ends in the time that its phases take"
        => imports::imports_come_to_an_end;
    Inside "deployments-move-along-their-table" ["CD-47", "CD-51"]
        "a deployment goes from state to state as its table says, and stays where it ended"
        => deployments::deployments_move_along_their_table;
    Inside "uploads-come-before-runjob" ["CD-43", "CD-48"]
        "a deployment calls RunJob when all its files have been taken"
        => deployments::uploads_come_before_runjob;
    Inside "files-go-as-they-are" ["CD-41", "CD-46"]
        "a deployment uploads each file as it is, and none in pieces"
        => deployments::files_go_as_they_are;
    Inside "polls-keep-their-interval" ["CD-49", "CD-53"]
        "a deployment asks for the status once in an interval, whoever looks at it"
        => deployments::polls_keep_their_interval;
    Inside "calls-come-in-their-order" ["CD-47", "CD-52", "CD-54"]
        "a deployment knows its import server before it creates a job, and deletes it at its end"
        => deployments::calls_come_in_their_order;
    Inside "the-import-server-is-used" ["CD-18", "CD-47"]
        "everything about an import job is said to the designated import server"
        => deployments::the_import_server_is_used;
    Inside "one-import-is-started" ["CD-47"]
        "a deployment starts one import"
        => deployments::one_import_is_started;
    Inside "timeouts-come-when-they-should" ["CD-50"]
        "a deployment times out when the status has not changed for its timeout, and only then"
        => deadlines::timeouts_come_when_they_should;
    Inside "ended-imports-are-deleted" ["CD-52"]
        "the import job of a deployment that has succeeded or failed is deleted"
        => deployments::ended_imports_are_deleted;
    Inside "success-was-reported" ["CD-52"]
        "a deployment succeeds only when its target has reported Success"
        => deployments::success_was_reported;
}

/// What a history makes of each invariant, in their order.
pub(super) fn outcomes(plan: &Plan, history: &[Entry]) -> Vec<Outcome> {
    let setting = cast::setting(plan);
    let reading = Reading::new(&setting, history);
    let rules = RULES.iter();
    rules.map(|rule| outcome(&(rule.check)(&reading))).collect()
}

/// The rule called `name`.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
