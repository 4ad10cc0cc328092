import { Argument, type Command } from "commander";
import { act, examples, withOutput } from "../session";

const SCRIPTS: Record<string, string> = {
  bash: `# tasker completion for bash: source <(tasker completion bash)
_tasker() {
  local IFS=$'\\n' current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while read -r line; do
    line="\${line%%$'\\t'*}"
    [[ "$line" == "$current"* ]] && COMPREPLY+=("$line")
  done < <(tasker __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _tasker tasker
`,
  zsh: `#compdef tasker
# tasker completion for zsh: source <(tasker completion zsh)
_tasker() {
  local -a candidates
  local line name
  while IFS= read -r line; do
    name="\${line%%$'\\t'*}"
    candidates+=("\${name//:/\\\\:}:\${line#*$'\\t'}")
  done < <(tasker __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'tasker' candidates
}
compdef _tasker tasker
`,
  fish: `# tasker completion for fish: tasker completion fish | source
function __tasker_complete
    set -l words (commandline -opc) (commandline -ct)
    tasker __complete -- $words[2..-1] 2>/dev/null
end
complete -c tasker -f -a '(__tasker_complete)'
`,
};

export function register(program: Command): void {
  const command = program
    .command("completion")
    .description("Print a script that completes commands, options, types, endpoints and tasks in your shell")
    .addArgument(new Argument("<shell>", "which one").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", examples("echo 'source <(tasker completion bash)' >> ~/.bashrc"));
  act(withOutput(command), (_session, shell: string) => {
    process.stdout.write(SCRIPTS[shell]!);
  });
}
