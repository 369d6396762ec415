package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
)

// ExitStatuses is the section of every help.
const ExitStatuses = `  0    done
  1    internal error, see the agent's log
  2    wrong use, or the input is invalid
  3    it does not exist
  4    not allowed
  5    something stands in the way: a conflict or an unmet condition
  6    the agent, or what it needs, is not available
  7    the job was carried out and failed, or was canceled
  130  interrupted`

// usageTemplate is cobra's, with the exit statuses and without blank sections.
const usageTemplate = `Usage:{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{else}}
  {{.UseLine}}{{end}}{{if .HasAvailableFlags}} [flags]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}

Exit status:
` + ExitStatuses + `
`

// usageError is wrong use of cmd: the hint names its help.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return &client.Error{Code: client.CodeInvalid, Source: "client", Message: fmt.Sprintf(format, args...),
		Hint: "See: " + cmd.CommandPath() + " --help"}
}

func flagError(cmd *cobra.Command, err error) error {
	text := strings.TrimSuffix(err.Error(), ".")
	return usageError(cmd, "%s%s.", strings.ToUpper(text[:1]), text[1:])
}

// unknownCommand is what a group does by itself.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError(cmd, "%q needs a command.", cmd.CommandPath())
	}
	err := &client.Error{Code: client.CodeInvalid, Source: "client", Hint: "See: " + cmd.CommandPath() + " --help",
		Message: fmt.Sprintf("There is no command %q for %q.", args[0], cmd.CommandPath())}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err.Hint = fmt.Sprintf("Did you mean: %s %s", cmd.CommandPath(), near[0])
	}
	return err
}

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError(cmd, "%s is missing.", names[len(args)])
		case len(args) > len(names):
			return usageError(cmd, "The argument %q is one too many.", args[len(names)])
		}
		return nil
	}
}

// atLeast wants one argument for each name and takes more.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError(cmd, "%s is missing.", names[len(args)])
		}
		return nil
	}
}

// upTo wants one argument for each name in required and takes at most most.
func upTo(most int, required ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > most {
			return usageError(cmd, "The argument %q is one too many.", args[most])
		}
		return atLeast(required...)(cmd, args)
	}
}
