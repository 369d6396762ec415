package cli

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) jobCommand() *cobra.Command {
	return a.group("job", "Look at jobs and steer them", a.jobList(), a.jobShow(), a.jobLog(), a.jobCancel(), a.jobRetry(), a.jobWait())
}

func (a *app) completeJob() cobra.CompletionFunc {
	return completeName(a, func(agent *client.Client, ctx context.Context) ([]api.Job, error) {
		return agent.Jobs(ctx, client.JobFilter{Limit: 20})
	}, func(job api.Job) string { return job.ID + "\t" + job.Kind + " " + job.Subject })
}

func (a *app) jobList() *cobra.Command {
	var filter client.JobFilter
	out := a.build(command{
		use: "list", short: "List jobs, newest first",
		example: "  left4me job list --subject server/alpha --status failed",
		run: func(ctx context.Context, _ []string) error {
			list := func(agent *client.Client, ctx context.Context) ([]api.Job, error) { return agent.Jobs(ctx, filter) }
			return listed(ctx, a, list, "There is no such job.", []string{"JOB", "KIND", "SUBJECT", "STATUS", "BY", "MADE", "RESULT"},
				func(job api.Job) []string {
					result := job.Summary
					if job.Error != nil {
						result = job.Error.Message
					}
					return []string{job.ID, job.Kind, job.Subject, job.Status, job.Actor, moment(job.CreatedAt), result}
				})
		},
	})
	flags := out.Flags()
	flags.StringVar(&filter.Subject, "subject", "", "only about this, for example server/alpha")
	flags.StringVar(&filter.Status, "status", "", "queued, running, succeeded, failed, canceled or interrupted")
	flags.StringVar(&filter.Before, "before", "", "only jobs older than this one")
	flags.IntVar(&filter.Limit, "limit", 20, "at most this many, up to 1000")
	return out
}

func (a *app) jobShow() *cobra.Command {
	return a.build(command{
		use: "show ID", short: "Show a job", args: exactly("ID"), complete: a.completeJob(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showJob(agent.Job(ctx, args[0]))
		},
	})
}

func (a *app) showJob(job api.Job, err error) error {
	if err != nil {
		return err
	}
	return a.show(job, func(w io.Writer) {
		status := job.Status
		if job.Canceling {
			status += ", was asked to stop"
		}
		progress, failure, hint := "", "", ""
		if job.Progress != nil {
			progress = job.Progress.Phase + " " + amount(*job.Progress)
		}
		if job.Error != nil {
			failure, hint = job.Error.Message, job.Error.Hint
		}
		pairs(w, "Job", job.ID, "Kind", job.Kind, "Subject", job.Subject, "Status", status, "Asked by", job.Actor, "Progress", progress,
			"Error", failure, "Hint", hint, "Result", job.Summary, "Again for", job.RetryOf, "Made", moment(job.CreatedAt),
			"Started", maybe(job.StartedAt), "Ended", maybe(job.FinishedAt))
		for _, step := range job.Steps {
			fmt.Fprintf(w, "  %-16s %s\n", step.Name, step.Status)
		}
	})
}

func (a *app) jobLog() *cobra.Command {
	var follow bool
	var after int64
	out := a.build(command{
		use: "log ID", short: "Show a job's log", args: exactly("ID"), complete: a.completeJob(),
		long: "Show a job's log so far and, with --follow, until the job ends. With --format json each line is one JSON object.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			items := agent.JobLog(ctx, args[0], after)
			if follow {
				items = agent.FollowJob(ctx, args[0], after)
			}
			return a.printLog(ctx, items)
		},
	})
	out.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job ends")
	out.Flags().Int64Var(&after, "after", 0, "only lines after this number")
	return out
}

func (a *app) printLog(ctx context.Context, items iter.Seq2[client.JobItem, error]) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		if item.Dropped > 0 {
			a.lost(item.Dropped, "lines")
		}
		if item.Line != nil {
			if err := a.line(item.Line, item.Line.Text); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (a *app) jobCancel() *cobra.Command {
	return a.build(command{
		use: "cancel ID", short: "Ask a job to stop", args: exactly("ID"), complete: a.completeJob(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showJob(agent.CancelJob(ctx, args[0]))
		},
	})
}

func (a *app) jobRetry() *cobra.Command {
	follow := false
	out := a.build(command{
		use: "retry ID", short: "Do again what a job failed to do", args: exactly("ID"), complete: a.completeJob(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.RetryJob(ctx, args[0])
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, follow)
		},
	})
	out.Flags().BoolVarP(&follow, "follow", "f", false, "show the job's log")
	a.waitFlag(out.Flags())
	return out
}

func (a *app) jobWait() *cobra.Command {
	follow := false
	out := a.build(command{
		use: "wait ID", short: "Wait for a job to end", args: exactly("ID"), complete: a.completeJob(),
		long: "Wait for a job to end. The exit status is 0 when it succeeded and 7 when it failed or was canceled.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.finishID(ctx, agent, args[0], follow)
		},
	})
	out.Flags().BoolVarP(&follow, "follow", "f", false, "show the job's log")
	return out
}
