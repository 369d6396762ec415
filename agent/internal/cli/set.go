package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/setting"
)

// assign sets KEY=VALUE pairs in settings, as the schema understands them.
func assign(schema, settings json.RawMessage, pairs []string) (json.RawMessage, error) {
	parsed, err := setting.Parse(schema)
	if err != nil {
		return nil, err
	}
	return parsed.Assign(settings, pairs)
}

// typeOf returns the overlay type that is named.
func typeOf(ctx context.Context, agent *client.Client, name string) (api.OverlayType, error) {
	types, err := agent.OverlayTypes(ctx)
	if err != nil {
		return api.OverlayType{}, err
	}
	for _, t := range types {
		if t.Name == name {
			return t, nil
		}
	}
	return api.OverlayType{}, &client.Error{Code: client.CodeNotFound, Source: "client", Message: fmt.Sprintf("There is no enabled plugin for overlays of type %q.", name),
		Hint: "List what there is with: left4me overlay types"}
}

// withSet applies --set to settings; the agent is only asked when it was given.
func withSet(ctx context.Context, agent *client.Client, kind string, settings json.RawMessage, pairs []string) (json.RawMessage, error) {
	if len(pairs) == 0 {
		return settings, nil
	}
	t, err := typeOf(ctx, agent, kind)
	if err != nil {
		return nil, err
	}
	return assign(t.Schema, settings, pairs)
}

// overlayType shows one type with its settings, which are all that --set takes.
func (a *app) overlayType(ctx context.Context, name string) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	t, err := typeOf(ctx, agent, name)
	if err != nil {
		return err
	}
	schema, err := setting.Parse(t.Schema)
	if err != nil {
		return err
	}
	return a.show(t, func(w io.Writer) {
		pairs(w, "Type", t.Name, "What it does", strings.TrimSpace(t.Doc))
		printSettings(w, schema)
	})
}

// printSettings prints a table of settings.
func printSettings(w io.Writer, schema *setting.Schema) {
	fields := schema.Fields()
	if len(fields) == 0 {
		fmt.Fprintln(w, "It has no settings.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tTYPE\tDEFAULT\tMEANING")
	for _, f := range fields {
		fallback := f.Default
		if f.Required {
			fallback = "(required)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", printable(f.Name), printable(f.Type), orDash(printable(fallback)), orDash(printable(f.Meaning())))
	}
	_ = t.Flush() // as with every Fprint here: who reads us went away
}

// completeSet completes --set from the schema of the type that kind finds.
func (a *app) completeSet(kind func(ctx context.Context, agent *client.Client, args []string) string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const nothing = cobra.ShellCompDirectiveNoFileComp
		if a.settle() != nil {
			return nil, nothing
		}
		agent, err := a.agent()
		if err != nil {
			return nil, nothing
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		t, err := typeOf(ctx, agent, kind(ctx, agent, args))
		if err != nil {
			return nil, nothing
		}
		schema, err := setting.Parse(t.Schema)
		if err != nil {
			return nil, nothing
		}
		var out []cobra.Completion
		for _, c := range schema.Complete(begun) {
			out = append(out, cobra.CompletionWithDesc(c.Text, c.Meaning))
		}
		directive := nothing
		if slices.ContainsFunc(out, func(c string) bool { return strings.Contains(c, "=\t") || strings.HasSuffix(c, "=") }) {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return out, directive
	}
}
