package ui

import (
	"net/http"
	"strings"

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
	filter := client.JobFilter{Status: query.Get("status"), Subject: strings.TrimSpace(query.Get("subject")), Before: query.Get("before"), Limit: 100}
	list, err := agent.Jobs(r.Context(), filter)
	if err != nil {
		return err
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Jobs(p.page(r, "jobs", "Jobs"), view.JobsData{Jobs: keep(list, sees.job), Older: older(list), Status: filter.Status, Subject: filter.Subject}))
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
	if data.Lines, err = logOf(r, agent, data.Job.ID, maxLogLines); err != nil {
		return err
	}
	page := p.page(r, "jobs", data.Job.Kind)
	if view.Busy(data.Job.Status) {
		page.Refresh = 3
	}
	return p.show(w, r, view.Job(page, data))
}

// logOf returns the log of a job so far; of a long one the newest lines, at most twice most.
func logOf(r *http.Request, agent *client.Client, id string, most int) ([]api.JobLine, error) {
	var lines []api.JobLine
	for item, err := range agent.JobLog(r.Context(), id, 0) {
		if err != nil {
			return nil, err
		}
		if item.Line != nil {
			lines = append(lines, *item.Line)
		}
		if len(lines) >= 2*most {
			lines = append(lines[:0], lines[most:]...)
		}
	}
	return lines, nil
}

func (p *Panel) jobCancel(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	canceled, err := agent.CancelJob(r.Context(), param(r, "id"))
	return p.watch(w, r, canceled, err)
}

func (p *Panel) jobRetry(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	again, err := agent.RetryJob(r.Context(), param(r, "id"))
	return p.watch(w, r, again, err)
}
