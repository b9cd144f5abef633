//! What a guest's statement may do: asked by SQLite as it prepares one.

use rusqlite::hooks::AuthAction;

use super::functions;

/// Settings and questions that concern nobody but the one who asks. The first ones change the connection.
const PRAGMAS: [(&str, bool); 22] = [
    ("defer_foreign_keys", true),
    ("foreign_keys", true),
    ("ignore_check_constraints", true),
    ("recursive_triggers", true),
    ("reverse_unordered_selects", true),
    ("application_id", false),
    ("collation_list", false),
    ("compile_options", false),
    ("data_version", false),
    ("foreign_key_check", false),
    ("foreign_key_list", false),
    ("freelist_count", false),
    ("index_info", false),
    ("index_list", false),
    ("index_xinfo", false),
    ("integrity_check", false),
    ("page_count", false),
    ("quick_check", false),
    ("table_info", false),
    ("table_list", false),
    ("table_xinfo", false),
    ("user_version", false),
];

/// Settings that are as they are, which many programs say first.
const FIXED: [(&str, &str); 3] = [
    ("encoding", "UTF-8"),
    ("encoding", "UTF8"),
    ("journal_mode", "WAL"),
];

/// Whether it leaves something behind on the connection, or why it is refused. What is not known is refused.
pub(super) fn judge(action: AuthAction<'_>) -> Result<bool, String> {
    use AuthAction::*;
    match action {
        Select
        | Read { .. }
        | Insert { .. }
        | Update { .. }
        | Delete { .. }
        | Recursive
        | Transaction { .. }
        | Savepoint { .. }
        | CreateTable { .. }
        | CreateIndex { .. }
        | CreateView { .. }
        | CreateTrigger { .. }
        | DropTable { .. }
        | DropIndex { .. }
        | DropView { .. }
        | DropTrigger { .. }
        | AlterTable { .. }
        | Reindex { .. }
        | Analyze { .. } => Ok(false),
        CreateTempTable { .. }
        | CreateTempIndex { .. }
        | CreateTempView { .. }
        | CreateTempTrigger { .. }
        | DropTempTable { .. }
        | DropTempIndex { .. }
        | DropTempView { .. }
        | DropTempTrigger { .. } => Ok(true),
        Function { function_name } if functions::is_allowed(function_name) => Ok(false),
        Function { function_name } => Err(format!(
            "SQLite's function {function_name} is not for functions"
        )),
        Pragma {
            pragma_name,
            pragma_value,
        } => judge_pragma(pragma_name, pragma_value),
        Attach { .. } | Detach { .. } => Err(
            "a connection has one database: ATTACH, DETACH and VACUUM are not for functions"
                .to_owned(),
        ),
        CreateVtable { .. } | DropVtable { .. } => {
            Err("virtual tables are not for functions".to_owned())
        }
        _ => Err("this is not for functions".to_owned()),
    }
}

fn judge_pragma(name: &str, value: Option<&str>) -> Result<bool, String> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if let Some((_, changes)) = PRAGMAS.iter().find(|(known, _)| is(known)) {
        return Ok(*changes && value.is_some());
    }
    let stays = |(known, fixed): &(&str, &str)| {
        is(known) && value.is_none_or(|value| value.eq_ignore_ascii_case(fixed))
    };
    match FIXED.iter().any(stays) {
        true => Ok(false),
        false => Err(format!("PRAGMA {name} is not for functions")),
    }
}
