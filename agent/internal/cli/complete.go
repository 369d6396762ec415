package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
)

// completeTimeout bounds what a shell waits for.
const completeTimeout = 2 * time.Second

// completeName completes the first argument with what list finds.
func completeName[T any](a *app, list func(*client.Client, context.Context) ([]T, error), name func(T) string) cobra.CompletionFunc {
	value := completeValue(a, list, name)
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return value(cmd, args, begun)
	}
}

// completeValue completes a flag with what list finds. Without an agent there is nothing to offer.
func completeValue[T any](a *app, list func(*client.Client, context.Context) ([]T, error), name func(T) string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if a.settle() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		agent, err := a.agent()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		found, err := list(agent, ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []cobra.Completion
		for _, value := range found {
			out = append(out, name(value))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
