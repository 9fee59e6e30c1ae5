//! The commands of a configuration file.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_agent::message::CommandName;
use portcullis_agent::work::CommandLine;

use super::token;
use crate::scenario::{Problems, Table};

/// What tasks may run, by the name that they use.
pub(super) fn commands(
    table: &Table,
    base: &Path,
    problems: &mut Problems,
) -> BTreeMap<CommandName, CommandLine> {
    let mut commands = BTreeMap::new();
    for command in table.tables("command") {
        let [program, arguments @ ..] = command.texts("argv") else {
            let help = "write the program and its arguments, such as [\"./deploy\", \"--all\"]";
            problems.report(
                command.span_of("argv"),
                "`argv` names no program",
                "empty",
                help,
            );
            continue;
        };
        // A name without a slash is looked up in PATH, as a shell would.
        let program = if program.contains('/') {
            base.join(program)
        } else {
            program.into()
        };
        let line = CommandLine {
            program,
            arguments: arguments.to_vec(),
            directory: command
                .text("directory")
                .map(|directory| base.join(directory)),
        };
        if let Some(name) = token(command, "name", problems) {
            commands.insert(name, line);
        }
    }
    commands
}
