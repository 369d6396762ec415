// Package docgen writes the parts of docs/reference that the code knows best: the command line, the error
// codes, the configuration and the description of the API. "go generate" writes them, and a test fails when they are not
// current.
package docgen

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/cli"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

//go:generate go test . -run TestReference -update

// generated heads every file.
const generated = "<!-- Written by \"make generate\". Change the code instead. -->\n\n"

// CommandLine returns a page for each command that has others below it, with those that do something on
// it, and an index. Keys are file names.
func CommandLine(root *cobra.Command) map[string]string {
	out := map[string]string{}
	index := generated + "# Command line\n\n" + root.Long + "\n\n| Command | What it does |\n|---|---|\n"
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		page := generated + "# " + cmd.CommandPath() + "\n\n" + description(cmd)
		if !cmd.HasAvailableSubCommands() {
			page += details(cmd)
		}
		for _, child := range cmd.Commands() {
			if child.IsAvailableCommand() {
				page += "## " + child.CommandPath() + "\n\n" + description(child) + details(child)
			}
		}
		out[cmd.Name()+".md"] = strings.TrimSpace(page) + "\n"
		index += fmt.Sprintf("| [%s](%s.md) | %s |\n", cmd.CommandPath(), cmd.Name(), cmd.Short)
	}
	index += "\n## Global flags\n\n```\n" + trimLines(root.PersistentFlags().FlagUsages()) + "```\n"
	index += "\n## Exit status\n\n```\n" + cli.ExitStatuses + "\n```\n"
	out["README.md"] = index
	return out
}

func description(cmd *cobra.Command) string {
	out := cmd.Short + ".\n\n"
	if cmd.Long != "" {
		out += cmd.Long + "\n\n"
	}
	return out
}

func details(cmd *cobra.Command) string {
	flags := cmd.NonInheritedFlags()
	flags.Init("", 0)
	out := "```\n" + cmd.UseLine()
	if flags.HasAvailableFlags() {
		out += " [flags]"
	}
	out += "\n```\n\n"
	if usage := flags.FlagUsages(); usage != "" {
		out += "```\n" + trimLines(usage) + "```\n\n"
	}
	if cmd.Example != "" {
		out += "Example:\n\n```\n" + trimLines(cmd.Example) + "```\n\n"
	}
	return out
}

func trimLines(text string) string {
	out := ""
	for line := range strings.Lines(text) {
		out += strings.TrimRight(strings.TrimPrefix(line, "  "), " \n") + "\n"
	}
	return out
}

// Errors returns the page of error codes with the status and exit status of each.
func Errors() string {
	meaning := [][2]string{
		{string(fault.Invalid), "the request or its input is wrong"},
		{string(fault.Unauthenticated), "who asks is not known"},
		{string(fault.Forbidden), "who asks may not do this"},
		{string(fault.NotFound), "it does not exist"},
		{string(fault.Conflict), "something else has the name, port or turn"},
		{string(fault.Precondition), "it cannot be done in the present state"},
		{string(fault.Canceled), "somebody called it off"},
		{string(fault.Unavailable), "the agent, or what it needs, does not answer now; try again"},
		{string(fault.Internal), "a fault of left4me; the details are in the agent's log under the reference"},
	}
	out := generated + `# Errors

An error of the API is a JSON object: a code, one sentence, and where there are any, one next step (hint), the
field that is wrong, who failed (source: agent, plugin:NAME, systemd, steam) and a reference into the agent's
log. The command line prints the sentence and the hint, and ends with the exit status of the code. A job that
was waited for and failed ends with 7 whatever its code, an interrupt with 130.

| Code | Meaning | HTTP | Exit status |
|---|---|---|---|
`
	for _, row := range meaning {
		status := httpapi.StatusOf(fault.Code(row[0]))
		out += fmt.Sprintf("| `%s` | %s | %d %s | %d |\n", row[0], row[1], status, http.StatusText(status), cli.ExitStatus(row[0]))
	}
	return out + `
Three more statuses come with the code ` + "`invalid`" + `: 405 for a wrong method, 413 for a body above 1 MiB, 415 for one that
is not declared as JSON.
`
}

// Checks returns the page of the conformance suite.
func Checks() string {
	out := generated + `# Checks of a plugin

What "left4me plugin verify" and the sdk's sdktest try, with a plugin as a process of its own and, in Go tests, in process. A
check that does not apply is skipped and says why. For each check the sdk's tests keep at least one broken plugin that it must catch:
` + "`go test -v -run TestEveryCheckCanFail ./sdktest`" + ` in sdk/ prints them.

Numbers are stable: a check that goes takes its number with it.

`
	mounter := sdktest.Checks(sdk.KindMounter)
	builder := sdktest.Checks(sdk.KindBuilder)
	both := func(c sdktest.Check) bool { return slices.Contains(mounter, c) }
	out += "## Every plugin\n\n" + checkTable(builder, both)
	out += "## Builders\n\n" + checkTable(builder, func(c sdktest.Check) bool { return !both(c) })
	out += "## Mounters\n\n" + checkTable(mounter, func(c sdktest.Check) bool { return !slices.Contains(builder, c) })
	out += notChecked
	return strings.TrimSpace(out) + "\n"
}

// notChecked are numbers of the first draft that are no checks.
const notChecked = `## What is not checked, and why

| Number | Would be | Why not |
|---|---|---|
| C72 | a read-only mount is EROFS | The protocol has no read-only mounts: a server's tree is written, and a layer is read through ReadFile and ReadDir. |
| C73 | a foreign mount on a server's tree is reported and left alone | Only a program with the mounter's privilege can make one, and the suite has none. The tests of mounter-kernel do it. |
| C75 | upper and work on different filesystems are refused | Where they lie is the mounter's own affair: the host gives ids, and never a path. The probe of mounter-kernel tries its directory. |
`

func checkTable(checks []sdktest.Check, with func(sdktest.Check) bool) string {
	out := "| Check | What holds | Why | When it fails |\n|---|---|---|---|\n"
	checks = slices.Clone(checks)
	slices.SortStableFunc(checks, func(a, b sdktest.Check) int { return strings.Compare(a.ID, b.ID) })
	for _, c := range checks {
		if with(c) {
			out += fmt.Sprintf("| %s | %s | %s | %s |\n", c.ID, c.Name, c.Why, c.Next)
		}
	}
	return out + "\n"
}
