//! `peerbridge completions`: completion scripts, generated from the table of options.

use super::manual;
use crate::cli::error::CliError;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::flags::{FLAGS, Flag, SHELLS, Takes, flags_of};
use crate::cli::options::verbs::{VERBS, Verb, VerbEntry};
use crate::cli::options::words;

/// The script for a shell, or the manual page.
///
/// # Errors
/// A usage error.
pub(crate) fn script(args: &ParsedArgs) -> Result<String, CliError> {
    let hint = "peerbridge completions bash, zsh, fish or man";
    let Some(shell) = words::one(args, "completions")? else {
        return Err(CliError::usage("no shell given", hint));
    };
    match &*shell.to_string_lossy() {
        "bash" => Ok(bash()),
        "zsh" => Ok(zsh()),
        "fish" => Ok(fish()),
        "man" => Ok(manual::page()),
        other => {
            let message = format!("no completion script for {other:?}");
            Err(CliError::usage(message, hint))
        }
    }
}

/// The kind of a command's arguments.
enum Words {
    Paths,
    Folder,
    OneOf(Vec<&'static str>),
    Others,
}

fn words_of(verb: Verb) -> Words {
    match verb {
        Verb::Send | Verb::Zip | Verb::Unzip | Verb::Demo => Words::Paths,
        Verb::Receive | Verb::Serve | Verb::Doctor => Words::Folder,
        Verb::Completions => Words::OneOf(SHELLS.to_vec()),
        Verb::Help => Words::OneOf(VERBS.iter().map(|entry| entry.name).collect()),
        Verb::Ping | Verb::Secret | Verb::Web => Words::Others,
    }
}

fn bash() -> String {
    let mut values = String::new();
    for flag in FLAGS.iter().filter(|flag| flag.takes != Takes::Nothing) {
        let short = flag.short.map(|short| format!("|-{short}"));
        let pattern = format!("--{}{}", flag.long, short.unwrap_or_default());
        let reply = match (flag.takes.choices(), flag.takes) {
            ([], Takes::Path(_)) => r#"COMPREPLY=($(compgen -f -- "$cur"))"#.to_owned(),
            ([], _) => "COMPREPLY=()".to_owned(),
            (choices, _) => {
                format!(
                    r#"COMPREPLY=($(compgen -W "{}" -- "$cur"))"#,
                    choices.join(" ")
                )
            }
        };
        values.push_str(&format!("        {pattern}) {reply}; return ;;\n"));
    }
    let mut verbs = String::new();
    for entry in VERBS {
        let options: Vec<_> = flags_of(entry.verb)
            .map(|flag| format!("--{}", flag.long))
            .collect();
        let words = match words_of(entry.verb) {
            Words::Paths => r#"-f -- "$cur""#.to_owned(),
            Words::Folder => r#"-d -- "$cur""#.to_owned(),
            Words::OneOf(words) => format!(r#"-W "{}" -- "$cur""#, words.join(" ")),
            Words::Others => r#"-W "" -- "$cur""#.to_owned(),
        };
        verbs.push_str(&format!(
            "        {}) options=\"{}\"; words=($(compgen {words})) ;;\n",
            entry.names().join("|"),
            options.join(" ")
        ));
    }
    let all: Vec<_> = VERBS.iter().flat_map(VerbEntry::names).collect();
    format!(
        r#"# bash completion for peerbridge, made by `peerbridge completions bash`
_peerbridge() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    local verb= word options= words=() IFS=$' \t\n'
    case $prev in
{values}    esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in
            {}) verb=$word; break ;;
        esac
    done
    case $verb in
{verbs}        *) words=($(compgen -W "{}" -- "$cur")); options="--help --version" ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    else
        COMPREPLY=("${{words[@]}}")
    fi
}}
complete -o filenames -F _peerbridge peerbridge
"#,
        all.join("|"),
        all.join(" "),
    )
}

fn zsh() -> String {
    let mut verbs = String::new();
    let mut cases = String::new();
    for entry in VERBS {
        for name in entry.names() {
            verbs.push_str(&format!("        '{name}:{}'\n", zsh_text(entry.brief())));
        }
        cases.push_str(&format!(
            "        {})\n            _arguments -s \\\n",
            entry.names().join("|")
        ));
        for flag in flags_of(entry.verb) {
            cases.push_str(&format!(
                "                {} \\\n",
                zsh_option(flag, entry.verb)
            ));
        }
        let words = match words_of(entry.verb) {
            Words::Paths => "'*:path:_files'".to_owned(),
            Words::Folder => "'1:folder:_files -/'".to_owned(),
            Words::OneOf(words) => format!("'1:word:({})'", words.join(" ")),
            Words::Others => "'*:word:'".to_owned(),
        };
        cases.push_str(&format!("                {words} ;;\n"));
    }
    format!(
        "#compdef peerbridge\n\
         # zsh completion for peerbridge, made by `peerbridge completions zsh`\n\
         _peerbridge() {{\n    local -a verbs\n    verbs=(\n{verbs}    )\n    \
         local -i at=2\n    \
         while (( at < CURRENT )) && [[ $words[at] == -* ]]; do (( at++ )); done\n    \
         if (( CURRENT == at )); then\n        \
         if [[ $words[at] == -* ]]; then compadd -- --help --version; else _describe verb verbs; fi\n        \
         return\n    fi\n    \
         local verb=$words[at]\n    shift $((at - 1)) words\n    (( CURRENT -= at - 1 ))\n    \
         case $verb in\n{cases}    \
         esac\n}}\n\
         if [[ $funcstack[1] == _peerbridge ]]; then\n    \
         _peerbridge \"$@\"\n\
         else\n    \
         (( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit -i; }}\n    \
         compdef _peerbridge peerbridge\nfi\n"
    )
}

fn zsh_option(flag: &Flag, verb: Verb) -> String {
    let help = zsh_text(flag.brief_with(verb));
    let value = match flag.takes {
        Takes::Nothing => String::new(),
        Takes::Path(name) => format!(":{name}:_files"),
        Takes::OneOf(name, choices) => format!(":{name}:({})", choices.join(" ")),
        Takes::Value(name) | Takes::Values(name) => format!(":{}:", zsh_text(name)),
    };
    let star = match flag.takes {
        Takes::Values(_) => "*",
        _ => "",
    };
    match flag.short {
        Some(short) if star.is_empty() => format!(
            "'(-{short} --{long})'{{-{short},--{long}}}'[{help}]{value}'",
            long = flag.long
        ),
        Some(short) => format!(
            "'{star}'{{-{short},--{long}}}'[{help}]{value}'",
            long = flag.long
        ),
        None => format!("'{star}--{}[{help}]{value}'", flag.long),
    }
}

fn zsh_text(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\'' => escaped.push_str(r"'\''"),
            '[' | ']' | ':' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn fish() -> String {
    let mut script =
        String::from("# fish completion for peerbridge, made by `peerbridge completions fish`\n");
    script.push_str("complete -c peerbridge -f\n");
    for long in ["help", "version"] {
        script.push_str(&format!(
            "complete -c peerbridge -n __fish_use_subcommand -l {long}\n"
        ));
    }
    for entry in VERBS {
        let seen = format!("__fish_seen_subcommand_from {}", entry.names().join(" "));
        for name in entry.names() {
            script.push_str(&format!(
                "complete -c peerbridge -n __fish_use_subcommand -a {name} -d '{}'\n",
                fish_text(entry.brief())
            ));
        }
        for flag in flags_of(entry.verb) {
            let short = flag.short.map(|short| format!(" -s {short}"));
            let value = match (flag.takes, flag.takes.choices()) {
                (Takes::Nothing, _) => String::new(),
                (Takes::Path(_), _) => " -r -F".to_owned(),
                (_, []) => " -x".to_owned(),
                (_, choices) => format!(" -x -a '{}'", choices.join(" ")),
            };
            script.push_str(&format!(
                "complete -c peerbridge -n '{seen}'{} -l {}{value} -d '{}'\n",
                short.unwrap_or_default(),
                flag.long,
                fish_text(flag.brief_with(entry.verb))
            ));
        }
        let words = match words_of(entry.verb) {
            Words::Paths => "-F".to_owned(),
            Words::Folder => "-a '(__fish_complete_directories)'".to_owned(),
            Words::OneOf(words) => format!("-a '{}'", words.join(" ")),
            Words::Others => continue,
        };
        script.push_str(&format!("complete -c peerbridge -n '{seen}' {words}\n"));
    }
    script
}

fn fish_text(text: &str) -> String {
    text.replace('\\', r"\\").replace('\'', r"\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_every_verb_and_option() {
        for (shell, script) in [("bash", bash()), ("zsh", zsh()), ("fish", fish())] {
            for entry in VERBS {
                assert!(script.contains(entry.name), "{shell} {}", entry.name);
            }
            for flag in FLAGS {
                let found = match shell {
                    "fish" => script.contains(&format!(" -l {} ", flag.long)),
                    _ => script.contains(&format!("--{}", flag.long)),
                };
                assert!(found, "{shell} {}", flag.long);
            }
        }
    }
}
