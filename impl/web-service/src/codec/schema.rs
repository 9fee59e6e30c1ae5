//! What the service description says of operations and types, taken from the contract itself.

use super::contract::{self, Fields};
use super::wire_type::WireType;
use crate::message::{
    IncludeSecurity, JobStatus, Operation, RemoteJobStatus, UserInfoDateTime, VirtualServer,
};

/// A field as the description has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    /// Its name.
    pub(super) name: &'static str,
    /// The qualified name of its type; see [`WireType::NAME`].
    pub(super) type_name: &'static str,
}

/// Notes fields and leaves them as they are.
#[derive(Default)]
struct Listing(Vec<Listed>);

impl Fields for Listing {
    type Error = std::convert::Infallible;

    fn field<T: WireType>(&mut self, name: &'static str, _: &mut T) -> Result<(), Self::Error> {
        let type_name = T::NAME;
        self.0.push(Listed { name, type_name });
        Ok(())
    }
}

/// The parameters of `operation`, in order.
pub(super) fn parameters(operation: Operation) -> Vec<Listed> {
    let mut listing = Listing::default();
    let Ok(()) = contract::parameters(&mut contract::blank_request(operation), &mut listing);
    listing.0
}

/// The result of `operation`, if it has one.
pub(super) fn result(operation: Operation) -> Vec<Listed> {
    let mut listing = Listing::default();
    let Ok(()) = contract::result(&mut contract::blank_response(operation), &mut listing);
    listing.0
}

/// A type of the service's own namespace.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// Its name, without prefix.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) form: Form,
}

/// What a type is.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// One of these words.
    Words(Vec<&'static str>),
    /// These members, each once, in this order.
    Members(Vec<Listed>),
    /// Any number of these.
    Array(Listed),
}

/// The types of the service's own namespace.
pub(super) fn definitions() -> Vec<Definition> {
    let words = |type_name, words: Vec<&'static str>| define(type_name, Form::Words(words));
    vec![
        words(IncludeSecurity::NAME, {
            let all = IncludeSecurity::ALL.iter();
            all.map(|value| value.name()).collect()
        }),
        words(UserInfoDateTime::NAME, {
            let all = UserInfoDateTime::ALL.iter();
            all.map(|value| value.name()).collect()
        }),
        words(JobStatus::NAME, {
            let all = JobStatus::ALL.iter();
            all.map(|value| value.name()).collect()
        }),
        define(RemoteJobStatus::NAME, Form::Members(status())),
        define(VirtualServer::NAME, Form::Members(server())),
        define(
            <Vec<VirtualServer>>::NAME,
            Form::Array(Listed {
                name: unprefixed(VirtualServer::NAME),
                type_name: VirtualServer::NAME,
            }),
        ),
        define(
            <Vec<String>>::NAME,
            Form::Array(Listed {
                name: unprefixed(String::NAME),
                type_name: String::NAME,
            }),
        ),
    ]
}

fn define(type_name: &'static str, form: Form) -> Definition {
    let name = unprefixed(type_name);
    Definition { name, form }
}

fn status() -> Vec<Listed> {
    let mut listing = Listing::default();
    let Ok(()) = contract::remote_job_status(&mut contract::blank_status(), &mut listing);
    listing.0
}

fn server() -> Vec<Listed> {
    let mut listing = Listing::default();
    let Ok(()) = contract::virtual_server(&mut contract::blank_server(), &mut listing);
    listing.0
}

/// The name without its prefix.
pub(super) fn unprefixed(type_name: &'static str) -> &'static str {
    type_name
        .split_once(':')
        .map_or(type_name, |(_, name)| name)
}

/// One line for people: what an operation does.
pub(super) const fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::CancelJob => {
            "Gives an import job up, if the decompression of its packages has not begun."
        }
        Operation::CreateJob => {
            "Creates an import job, which does not start by itself, and returns its identifier."
        }
        Operation::DeleteImportLogs => {
            "Removes the logs of all import jobs of one content deployment job of the source."
        }
        Operation::DeleteJob => "Removes an import job; its logs stay.",
        Operation::GetJobStatus => "Returns what has become of an import job.",
        Operation::GetRemoteAdminServerUrl => {
            "Returns where the designated import server is administered."
        }
        Operation::GetSiteCollectionNames => {
            "Returns the site collections of a web application of this farm."
        }
        Operation::GetVirtualServersInformation => "Returns the web applications of this farm.",
        Operation::RunJob => "Starts the import of a job whose files have been uploaded.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_named_is_defined() {
        let defined: Vec<&str> = definitions().iter().map(|d| d.name).collect();
        let mut named: Vec<Listed> = Vec::new();
        for operation in Operation::ALL {
            named.extend(parameters(*operation));
            named.extend(result(*operation));
        }
        for definition in definitions() {
            match definition.form {
                Form::Words(words) => assert!(!words.is_empty()),
                Form::Members(members) => named.extend(members),
                Form::Array(item) => named.push(item),
            }
        }
        for listed in named {
            let name = unprefixed(listed.type_name);
            let known = match listed.type_name.split_once(':') {
                Some(("s", name)) => ["string", "boolean", "unsignedInt"].contains(&name),
                Some(("s1", name)) => name == "guid",
                Some(("tns", name)) => defined.contains(&name),
                _ => false,
            };
            assert!(known, "{}: {name}", listed.name);
        }
    }
}
