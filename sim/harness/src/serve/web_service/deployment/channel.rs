//! What is asked of the process that serves a farm, and what it answers.

use std::io;
use std::time::Duration;

use portcullis_store::Store;
use portcullis_web_service::deploying::{
    Deletion, DeploymentDesk, DeploymentPath, DeploymentView, DeskRefusal, LineView,
    NewDeploymentJob, Severity, TargetLogs,
};
use portcullis_web_service::work::TreeExporter;
use portcullis_web_service::work::manifest::SitePath;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::serve::control::{Answers, Clerk};

/// How often a watched job's item is read.
const GLANCE: Duration = Duration::from_millis(100);

/// Nothing carries out what is ordered.
const NO_SOURCE: &str = "nothing can be deployed from here: there is no `[[source]]`";

/// What a caller asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::serve::web_service) enum Question {
    /// Define a path.
    DefinePath(Box<DeploymentPath>),
    /// Define a job.
    DefineJob(NewDeploymentJob),
    /// Run a job.
    Run(String),
    /// Show a job each time that it has moved on, until its run has ended.
    Watch {
        /// The job.
        job: String,
        /// The run, where it is not the newest.
        run: Option<u64>,
    },
    /// Show all jobs.
    List,
    /// Show a job with its log.
    Show(String),
    /// Cancel a job's run.
    Cancel(String),
    /// Delete a job.
    DeleteJob {
        /// The job.
        job: String,
        /// What becomes of the logs at its target.
        logs: TargetLogs,
    },
    /// Mark something for quick deployment.
    Mark {
        /// The content tree.
        source: String,
        /// What, within it.
        path: String,
    },
    /// Show all paths.
    Paths,
}

/// What the owner answers. Of lists each line is an answer, so that none is too long.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::serve::web_service) enum Reply {
    /// It is done.
    Done,
    /// The run of that number is ordered.
    Ordered(u64),
    /// A job, without its log.
    Job(Box<DeploymentView>),
    /// A line of its log.
    Line(LineView),
    /// A path.
    Path(Box<DeploymentPath>),
    /// There is nothing to cancel.
    NothingRuns,
    /// It was not done; why, in words.
    Refused(String),
}

/// Answers for a farm.
pub(in crate::serve::web_service) struct FarmClerk<S> {
    pub(in crate::serve::web_service) desk: DeploymentDesk<S>,
    /// What knows the content trees; none where there are none.
    pub(in crate::serve::web_service) exporter: Option<TreeExporter>,
}

impl<S> Clone for FarmClerk<S> {
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            exporter: self.exporter.clone(),
        }
    }
}

impl<S: Store> Clerk for FarmClerk<S> {
    type Question = Question;
    type Answer = Reply;

    fn refusal(why: &str) -> Reply {
        Reply::Refused(why.to_owned())
    }

    async fn serve(
        &self,
        question: Question,
        stop: &CancellationToken,
        answers: &mut Answers<Reply>,
    ) -> io::Result<()> {
        let done = match question {
            Question::Watch { job, run } => return self.watch(&job, run, stop, answers).await,
            Question::List => self.list(answers).await?,
            Question::Show(job) => self.show(&job, answers).await?,
            Question::Paths => self.paths(answers).await?,
            Question::DefinePath(path) => self.desk.define_path(*path).await.map(|()| Reply::Done),
            Question::DefineJob(job) => self.desk.define_job(job).await.map(|_| Reply::Done),
            Question::Run(job) => {
                if self.exporter.is_none() {
                    return answers.send(&Self::refusal(NO_SOURCE)).await;
                }
                let ordered = self.desk.run(&job).await;
                ordered.map(|run| Reply::Ordered(run.number))
            }
            Question::Cancel(job) => match self.desk.cancel(&job).await {
                Err(DeskRefusal::NotRunning) => Ok(Reply::NothingRuns),
                asked => asked.map(|()| Reply::Done),
            },
            Question::DeleteJob { job, logs } => {
                return self.delete(&job, logs, stop, answers).await;
            }
            Question::Mark { source, path } => {
                return answers.send(&self.mark(&source, &path)).await;
            }
        };
        let answer = done.unwrap_or_else(|why| Reply::Refused(why.to_string()));
        answers.send(&answer).await
    }
}

impl<S: Store> FarmClerk<S> {
    /// Shows the run until it has ended, or a newer one has begun.
    async fn watch(
        &self,
        job: &str,
        run: Option<u64>,
        stop: &CancellationToken,
        answers: &mut Answers<Reply>,
    ) -> io::Result<()> {
        let mut shown = None;
        loop {
            let is_last = stop.is_cancelled();
            match self.desk.view(job).await {
                Ok(view) => {
                    let is_over = !view.is_open() || run.is_some_and(|run| view.run_number > run);
                    if shown.as_ref() != Some(&view) {
                        answers
                            .send(&Reply::Job(Box::new(without_log(&view))))
                            .await?;
                        shown = Some(view);
                    }
                    if is_over {
                        return Ok(());
                    }
                }
                // It may answer again.
                Err(DeskRefusal::Unavailable) => {}
                Err(why) => return answers.send(&Reply::Refused(why.to_string())).await,
            }
            if is_last {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(GLANCE) => {}
            }
        }
    }

    /// Deletes a job, and answers when it is gone or stays.
    async fn delete(
        &self,
        job: &str,
        logs: TargetLogs,
        stop: &CancellationToken,
        answers: &mut Answers<Reply>,
    ) -> io::Result<()> {
        if logs == TargetLogs::Delete && self.exporter.is_none() {
            return answers.send(&Self::refusal(NO_SOURCE)).await;
        }
        let mut deleted = self.desk.delete_job(job, logs).await;
        while deleted == Ok(Deletion::Ordered) {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(GLANCE) => {}
            }
            deleted = match self.desk.view(job).await {
                Ok(view) if view.is_leaving => continue,
                Ok(view) => return answers.send(&Reply::Refused(why_it_stays(&view))).await,
                Err(DeskRefusal::UnknownJob) => Ok(Deletion::Done),
                // It may answer again.
                Err(DeskRefusal::Unavailable) => continue,
                Err(why) => Err(why),
            };
        }
        let answer = match deleted {
            Ok(_) => Reply::Done,
            Err(why) => Reply::Refused(why.to_string()),
        };
        answers.send(&answer).await
    }

    async fn list(&self, answers: &mut Answers<Reply>) -> io::Result<Result<Reply, DeskRefusal>> {
        let views = match self.desk.views().await {
            Ok(views) => views,
            Err(why) => return Ok(Err(why)),
        };
        for view in views {
            answers.send(&Reply::Job(Box::new(view))).await?;
        }
        Ok(Ok(Reply::Done))
    }

    async fn show(
        &self,
        job: &str,
        answers: &mut Answers<Reply>,
    ) -> io::Result<Result<Reply, DeskRefusal>> {
        let view = match self.desk.view(job).await {
            Ok(view) => view,
            Err(why) => return Ok(Err(why)),
        };
        answers
            .send(&Reply::Job(Box::new(without_log(&view))))
            .await?;
        for line in view.lines {
            answers.send(&Reply::Line(line)).await?;
        }
        Ok(Ok(Reply::Done))
    }

    async fn paths(&self, answers: &mut Answers<Reply>) -> io::Result<Result<Reply, DeskRefusal>> {
        let paths = match self.desk.paths().await {
            Ok(paths) => paths,
            Err(why) => return Ok(Err(why)),
        };
        for path in paths {
            answers.send(&Reply::Path(Box::new(path))).await?;
        }
        Ok(Ok(Reply::Done))
    }

    fn mark(&self, source: &str, path: &str) -> Reply {
        let Some(exporter) = &self.exporter else {
            return Reply::Refused("there is no `[[source]]`".to_owned());
        };
        let path = match SitePath::new(&format!("/{}", path.trim_matches('/'))) {
            Ok(path) => path,
            Err(why) => return Reply::Refused(format!("{path} {why}")),
        };
        // It writes a small file.
        match tokio::task::block_in_place(|| exporter.mark(source, &path)) {
            Ok(()) => Reply::Done,
            Err(why) => Reply::Refused(why.to_string()),
        }
    }
}

/// What the log of a job says that was to be deleted and was not.
fn why_it_stays(view: &DeploymentView) -> String {
    let warnings = view.lines.iter().rev();
    let mut warnings = warnings.filter(|line| line.severity == Severity::Warning);
    let why = warnings.next().map_or("not deleted", |line| &line.text);
    format!(
        "{}: {why}; `--leave-logs` deletes it nevertheless",
        view.name
    )
}

fn without_log(view: &DeploymentView) -> DeploymentView {
    DeploymentView {
        lines: Vec::new(),
        ..view.clone()
    }
}
