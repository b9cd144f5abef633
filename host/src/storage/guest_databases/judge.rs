//! What a guest's statement may do: asked by SQLite as it prepares one.

use rusqlite::hooks::AuthAction;

/// Settings and questions that concern nobody but the one who asks. The first ones change the connection.
const PRAGMAS: [(&str, bool); 24] = [
    ("case_sensitive_like", true),
    ("defer_foreign_keys", true),
    ("foreign_keys", true),
    ("ignore_check_constraints", true),
    ("recursive_triggers", true),
    ("reverse_unordered_selects", true),
    ("application_id", false),
    ("collation_list", false),
    ("compile_options", false),
    ("data_version", false),
    ("encoding", false),
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
        Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Err("extensions are not for functions".to_owned())
        }
        Function { .. } => Ok(false),
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
    let known = PRAGMAS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    match known {
        Some((_, changes)) => Ok(*changes && value.is_some()),
        // It is so already; many programs say it first.
        None if name.eq_ignore_ascii_case("journal_mode")
            && value.is_none_or(|value| value.eq_ignore_ascii_case("wal")) =>
        {
            Ok(false)
        }
        None => Err(format!("PRAGMA {name} is not for functions")),
    }
}
