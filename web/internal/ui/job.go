package ui

import (
	"net/http"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) jobs(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	filter := client.JobFilter{Status: query.Get("status"), Before: query.Get("before"), Limit: 100}
	list, err := agent.Jobs(r.Context(), filter)
	if err != nil {
		return err
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Jobs(p.page(r, "jobs", "Jobs"), keep(list, sees.job), older(list), filter.Status))
}

// older returns the id to go on from, "" when the list ended. What a person may not see counts, too.
func older(list []api.Job) string {
	if len(list) < 100 {
		return ""
	}
	return list[len(list)-1].ID
}

// maxLogLines is how much of a log a page holds; the newest lines of a longer one.
const maxLogLines = 5000

func (p *Panel) job(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	var data view.JobData
	if data.Job, err = agent.Job(r.Context(), param(r, "id")); err != nil {
		return err
	}
	for item, err := range agent.JobLog(r.Context(), data.Job.ID, 0) {
		if err != nil {
			return err
		}
		if item.Line != nil {
			data.Lines = append(data.Lines, *item.Line)
		}
		if len(data.Lines) >= 2*maxLogLines {
			data.Lines = append(data.Lines[:0], data.Lines[maxLogLines:]...)
		}
	}
	page := p.page(r, "jobs", data.Job.Kind)
	if view.Busy(data.Job.Status) {
		page.Refresh = 3
	}
	return p.show(w, r, view.Job(page, data))
}

func (p *Panel) jobCancel(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	canceled, err := agent.CancelJob(r.Context(), param(r, "id"))
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "jobs", canceled.ID), "")
}

func (p *Panel) jobRetry(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	again, err := agent.RetryJob(r.Context(), param(r, "id"))
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "jobs", again.ID), "")
}
