package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// waitFlag adds --no-wait to a command that starts a job.
func (a *app) waitFlag(flags *pflag.FlagSet) {
	flags.BoolVar(&a.noWait, "no-wait", false, "print the job and return while it runs")
}

// finish waits for a job, showing how it goes and, if asked, its log, unless --no-wait was given.
func (a *app) finish(ctx context.Context, agent *client.Client, job api.Job, withLog bool) error {
	if a.noWait {
		return a.show(job, func(w io.Writer) { fmt.Fprintln(w, job.ID) })
	}
	status := a.newStatus()
	last, err := a.follow(ctx, agent, job, withLog, status)
	status.clear()
	switch {
	case ctx.Err() != nil:
		return &interrupted{note: fmt.Sprintf("The job goes on. Follow it with: left4me job wait %s; or end it with: left4me job cancel %s", job.ID, job.ID)}
	case err != nil:
		return err
	}
	return a.conclude(last)
}

// follow shows a job until it is final and returns it.
func (a *app) follow(ctx context.Context, agent *client.Client, job api.Job, withLog bool, status *status) (api.Job, error) {
	for item, err := range agent.FollowJob(ctx, job.ID, 0) {
		if err != nil {
			return job, err
		}
		if item.Dropped > 0 && withLog {
			status.note(fmt.Sprintf("… %d lines lost", item.Dropped))
		}
		if item.Line != nil && withLog && a.format != "json" {
			status.clear()
			lines(a.Stdout, item.Line.Text)
		}
		if item.Job != nil {
			job = *item.Job
			status.show(job)
		}
	}
	if !client.Final(job.Status) && ctx.Err() == nil {
		return agent.Job(ctx, job.ID)
	}
	return job, nil
}

// conclude shows a final job, and is the job's failure if it failed.
func (a *app) conclude(job api.Job) error {
	if a.format == "json" {
		if err := a.show(job, nil); err != nil {
			return err
		}
	}
	if job.Status == "succeeded" {
		if a.format != "json" {
			fmt.Fprintf(a.Stdout, "%s %s: done%s%s\n", job.Kind, job.Subject, took(job), orNothing(": ", printable(job.Summary)))
		}
		return nil
	}
	failed := &client.Error{Code: client.CodeInternal, Message: fmt.Sprintf("The job %s %s is %s.", job.Kind, job.Subject, job.Status),
		Hint: "Read its log: left4me job log " + job.ID}
	if job.Error != nil {
		failed = client.FromAPI(*job.Error)
		if failed.Hint == "" {
			failed.Hint = "Read its log: left4me job log " + job.ID
		}
	}
	return &jobFailed{cause: failed}
}

func took(job api.Job) string {
	if job.StartedAt == nil || job.FinishedAt == nil {
		return ""
	}
	return " in " + job.FinishedAt.Sub(*job.StartedAt).Round(100*time.Millisecond).String()
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
