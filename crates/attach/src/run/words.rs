//! The programs that a command really runs, behind what it is wrapped in.

/// How deep wrappers are looked into.
const DEEPEST: usize = 8;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// What it may be known by: its file name, and the package that it comes from.
    pub(super) names: Vec<String>,
    /// Its arguments.
    pub(super) args: Vec<String>,
}

impl Program {
    /// Whether this word is one of its arguments.
    pub(super) fn has(&self, word: &str) -> bool {
        self.args.iter().any(|arg| arg == word)
    }

    /// The value of a flag, as `--flag value` or `--flag=value`.
    pub(super) fn value(&self, flags: &[&str]) -> Option<&str> {
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            for flag in flags {
                if arg == flag {
                    return args.next().map(String::as_str);
                }
                if let Some(value) = arg.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
                    return Some(value);
                }
            }
        }
        None
    }
}

/// A program that runs the one behind it.
struct Wrapper {
    names: &'static [&'static str],
    /// Its flags that have a value of their own.
    valued: &'static [&'static str],
    /// How many words of its own stand before the program.
    own: usize,
}

const fn wrapper(names: &'static [&'static str], valued: &'static [&'static str], own: usize) -> Wrapper {
    Wrapper { names, valued, own }
}

const WRAPPERS: [Wrapper; 12] = [
    wrapper(&["env"], &["-u", "--unset", "-C", "--chdir"], 0),
    wrapper(&["timeout", "gtimeout"], &["-s", "--signal", "-k", "--kill-after"], 1),
    wrapper(&["nice"], &["-n", "--adjustment"], 0),
    wrapper(&["nohup", "setsid", "exec", "command", "time", "unbuffer", "caffeinate"], &[], 0),
    wrapper(&["stdbuf"], &["-i", "-o", "-e", "--input", "--output", "--error"], 0),
    wrapper(&["ionice"], &["-c", "-n", "--class", "--classdata"], 0),
    wrapper(&["sudo", "doas"], &["-u", "-g", "--user", "--group"], 0),
    wrapper(&["systemd-run"], &["-p", "--property", "--unit", "-u", "-E", "--setenv"], 0),
    wrapper(&["mise", "asdf", "direnv"], &["-C", "--cd"], 1),
    wrapper(&["xvfb-run"], &["-n", "-s", "--server-args"], 0),
    wrapper(&["flock"], &["-w", "--timeout", "-E"], 1),
    wrapper(&["firejail", "bwrap", "catchsegv"], &[], 0),
];

const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "fish"];
const RUNTIMES: [&str; 5] = ["node", "bun", "deno", "tsx", "nodejs"];
/// Words with which a shell goes on to a command.
const BEFORE_A_COMMAND: [&str; 10] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "("];
/// The flags of package runners that have a value.
const RUNNERS_VALUED: [&str; 6] = ["-p", "--package", "-c", "--call", "--cache", "--registry"];

/// The programs of a command, outermost wrappers taken away. A script of a shell may have several.
pub(super) fn programs(command: &[String]) -> Vec<Program> {
    let mut found = Vec::new();
    look(command, DEEPEST, &mut found);
    found
}

fn look(words: &[String], depth: usize, found: &mut Vec<Program>) {
    let words: Vec<String> = words.iter().skip_while(|word| is_assignment(word)).cloned().collect();
    let Some((first, args)) = words.split_first() else { return };
    let name = file_name(first);
    if let Some(depth) = depth.checked_sub(1) {
        if SHELLS.contains(&name) {
            if let Some(script) = script(args) {
                look_into(script, depth, found);
                return;
            }
        } else if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name)) {
            if let Some(script) = value_of(args, &["-S", "--split-string"]).filter(|_| name == "env") {
                look_into(&script, depth, found);
            } else {
                look(behind(args, wrapper), depth, found);
            }
            return;
        } else if let Some(rest) = runner(name, args) {
            if let Some(script) = value_of(args, &["-c", "--call"]) {
                look_into(&script, depth, found);
            }
            let rest = after_flags(rest, &RUNNERS_VALUED);
            if let Some((package, args)) = rest.split_first() {
                let package = without_version(package);
                let names = vec![package.to_owned(), file_name(package).to_owned()];
                found.push(Program { names, args: args.to_vec() });
            }
            return;
        } else if RUNTIMES.contains(&name) {
            let rest = after_flags(args, &["-r", "--require", "--import", "-e"]);
            let rest =
                if rest.first().is_some_and(|word| word == "run") { rest.get(1..).unwrap_or_default() } else { rest };
            if let Some((path, args)) = rest.split_first() {
                found.push(Program { names: names_of(path), args: args.to_vec() });
            }
            return;
        }
    }
    found.push(Program { names: names_of(first), args: args.to_vec() });
}

fn look_into(script: &str, depth: usize, found: &mut Vec<Program>) {
    for command in commands(script) {
        look(&command, depth, found);
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

/// A file's name with and without its ending, and the package in `node_modules` that it is part of.
fn names_of(path: &str) -> Vec<String> {
    let file = file_name(path);
    let stem = file.rsplit_once('.').map(|(stem, _)| stem).filter(|stem| !stem.is_empty());
    let mut names = vec![file.to_owned()];
    names.extend(stem.map(ToOwned::to_owned));
    if let Some((_, within)) = path.rsplit_once("node_modules/") {
        let mut parts = within.split('/');
        let first = parts.next().unwrap_or_default();
        let package = match parts.next() {
            Some(second) if first.starts_with('@') => format!("{first}/{second}"),
            _ => first.to_owned(),
        };
        names.push(package);
    }
    names
}

/// `@scope/name@1.2.3` without the version.
fn without_version(package: &str) -> &str {
    match package.rfind('@') {
        Some(place) if place > 0 => package.get(..place).unwrap_or(package),
        _ => package,
    }
}

/// What stands behind a wrapper's own words.
fn behind<'a>(args: &'a [String], wrapper: &Wrapper) -> &'a [String] {
    let rest = after_flags(args, wrapper.valued);
    let rest = rest.get(wrapper.own.min(rest.len())..).unwrap_or_default();
    match rest.split_first() {
        Some((dashes, rest)) if dashes == "--" => rest,
        _ => rest,
    }
}

/// What stands behind the flags in front.
fn after_flags<'a>(args: &'a [String], valued: &[&str]) -> &'a [String] {
    let mut rest = args;
    while let Some((word, more)) = rest.split_first() {
        if word == "--" {
            return more;
        }
        if !word.starts_with('-') || word == "-" {
            break;
        }
        rest = if valued.contains(&word.as_str()) { more.get(1..).unwrap_or_default() } else { more };
    }
    rest
}

fn value_of(args: &[String], flags: &[&str]) -> Option<String> {
    let program = Program { names: Vec::new(), args: args.to_vec() };
    program.value(flags).map(ToOwned::to_owned)
}

/// The words behind a runner of packages: `npx`, `bunx`, `pnpm dlx`, `npm exec`.
fn runner<'a>(name: &str, args: &'a [String]) -> Option<&'a [String]> {
    if ["npx", "bunx", "pnpx", "uvx"].contains(&name) {
        return Some(args);
    }
    let (first, rest) = args.split_first()?;
    let is_one = matches!(
        (name, first.as_str()),
        ("npm", "exec" | "x") | ("pnpm", "dlx" | "exec") | ("yarn", "dlx" | "exec" | "run") | ("bun", "x")
    );
    is_one.then_some(rest)
}

/// The script of `sh -c script`.
fn script(args: &[String]) -> Option<&str> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let flags = arg.strip_prefix(['-', '+'])?;
        if flags == "o" || flags == "O" {
            args.next();
        } else if !flags.starts_with('-') && flags.contains('c') {
            return args.next().map(String::as_str);
        }
    }
    None
}

/// The simple commands of a script, as far as they can be told without running it.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = script.chars().peekable();
    let end = |word: &mut Option<String>, all: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(command)) = (word.take(), all.last_mut()) {
            let begins = command.is_empty() && BEFORE_A_COMMAND.contains(&word.as_str());
            if !begins {
                command.push(word);
            }
        }
    };
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => {
                let next = chars.next();
                if next != Some('\n') {
                    word.get_or_insert_default().extend(next);
                }
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, ';' | '|' | '\n' | '&' | '(' | ')') => {
                let redirects = c == '&' && word.as_ref().is_some_and(|word| word.ends_with(['>', '<']));
                if redirects {
                    word.get_or_insert_default().push(c);
                } else {
                    end(&mut word, &mut all);
                    all.push(Vec::new());
                }
            }
            (None, c) if c.is_whitespace() => end(&mut word, &mut all),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    end(&mut word, &mut all);
    all.into_iter().map(without_redirections).filter(|command| !command.is_empty()).collect()
}

fn without_redirections(command: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(command.len());
    let mut words = command.into_iter();
    while let Some(word) = words.next() {
        let operator = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if operator.starts_with(['>', '<']) {
            if operator.trim_start_matches(['>', '<', '&']).is_empty() {
                words.next();
            }
        } else {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    fn found(command: &[&str]) -> Vec<String> {
        let told = |program: Program| format!("{} {}", program.names.join("|"), program.args.join(" "));
        programs(&words(command)).into_iter().map(told).collect()
    }

    #[test]
    fn wrappers_are_looked_behind() {
        let inner = ["claude -p x"];
        assert_eq!(found(&["claude", "-p", "x"]), inner);
        assert_eq!(found(&["/opt/bin/claude", "-p", "x"]), inner);
        assert_eq!(found(&["env", "-u", "A", "B=c", "claude", "-p", "x"]), inner);
        assert_eq!(found(&["env", "-S", "claude -p x"]), inner);
        assert_eq!(found(&["timeout", "-k", "5", "10m", "claude", "-p", "x"]), inner);
        assert_eq!(found(&["nohup", "nice", "-n", "5", "--", "claude", "-p", "x"]), inner);
        assert_eq!(found(&["sudo", "-u", "me", "stdbuf", "-oL", "claude", "-p", "x"]), inner);
        assert_eq!(found(&["A=b", "claude", "-p", "x"]), inner);
        assert_eq!(found(&[]), [""; 0]);
        assert_eq!(found(&["env"]), [""; 0]);
    }

    #[test]
    fn scripts_of_a_shell_are_read() {
        assert_eq!(
            found(&["sh", "-c", "cd /x && FOO=1 exec claude -p 'a b' 2>&1 | tee log"]),
            ["cd /x", "claude -p a b", "tee log"]
        );
        assert_eq!(
            found(&["bash", "-lc", "if true; then timeout 5 codex exec --json \"x y\"; fi"])[1],
            "codex exec --json x y"
        );
        assert_eq!(found(&["bash", "-o", "pipefail", "-c", "claude -p x > out # claude"]), ["claude -p x"]);
        assert_eq!(found(&["bash", "script.sh"]), ["bash script.sh"]);
        assert_eq!(found(&["sh", "-c", "sh -c 'sh -c \"claude -p x\"'"]), ["claude -p x"]);
    }

    #[test]
    fn packages_and_their_files_are_known() {
        assert_eq!(
            found(&["npx", "-y", "@google/gemini-cli@0.61.0", "-p", "x"]),
            ["@google/gemini-cli|gemini-cli -p x"]
        );
        assert_eq!(found(&["npx", "--package", "opencode-ai", "opencode", "run"]), ["opencode|opencode run"]);
        assert_eq!(found(&["pnpm", "dlx", "opencode-ai", "run"]), ["opencode-ai|opencode-ai run"]);
        assert_eq!(found(&["npm", "exec", "--", "codex", "exec"]), ["codex|codex exec"]);
        let path = "/x/node_modules/@anthropic-ai/claude-code/cli.js";
        assert_eq!(found(&["node", "--no-warnings", path, "-p"]), ["cli.js|cli|@anthropic-ai/claude-code -p"]);
        assert_eq!(found(&["bun", "/x/codex.js", "exec"]), ["codex.js|codex exec"]);
    }

    #[test]
    fn nothing_is_looked_into_for_ever() {
        let deep: Vec<&str> = std::iter::repeat_n("env", 10_000).chain(["claude"]).collect();
        assert_eq!(found(&deep).len(), 1);
        for script in ["'", "\\", "a \"", "((", "2>", "&&&&", ";;|", "x=$(", "\u{1f600}'\u{e9}"] {
            found(&["sh", "-c", script]);
        }
    }
}
