package sqlite

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

type jobRow struct {
	bun.BaseModel `bun:"table:jobs"`

	Seq        int64 `bun:",pk,autoincrement"`
	ID         string
	Place      *int64
	Kind       string
	Subject    string
	Label      string
	Params     *string
	Status     job.Status
	Actor      string
	Canceling  bool
	Urgent     bool
	Attempt    int
	Steps      *string
	Progress   *string
	Error      *string
	Summary    string
	Result     *string
	RetryOf    string
	CreatedAt  int64
	StartedAt  *int64
	FinishedAt *int64
}

// The stored forms of steps, progress and error. Their names are part of the schema.
type (
	storedStep struct {
		Name       string         `json:"name"`
		Status     job.StepStatus `json:"status"`
		StartedAt  *int64         `json:"started_at,omitempty"`
		FinishedAt *int64         `json:"finished_at,omitempty"`
	}
	storedProgress struct {
		Phase   string `json:"phase"`
		Unit    string `json:"unit"`
		Done    uint64 `json:"done"`
		Total   uint64 `json:"total"`
		Message string `json:"message,omitempty"`
	}
	storedFault struct {
		Code    fault.Code `json:"code"`
		Message string     `json:"message"`
		Hint    string     `json:"hint,omitempty"`
		Field   string     `json:"field,omitempty"`
		Source  string     `json:"source,omitempty"`
	}
)

// state fills the columns that change while a job lives.
func (r *jobRow) state(j job.Job) {
	r.Status, r.Canceling, r.Summary = j.Status, j.Canceling, plain(j.Summary)
	r.Result = textOrNull(j.Result)
	r.StartedAt, r.FinishedAt = micros(j.StartedAt), micros(j.FinishedAt)
	steps := mapRows(j.Steps, func(s job.Step) storedStep {
		return storedStep{Name: s.Name, Status: s.Status, StartedAt: micros(s.StartedAt), FinishedAt: micros(s.FinishedAt)}
	})
	r.Steps = pointer(encode(steps))
	if j.Progress != nil {
		r.Progress = pointer(encode(storedProgress(*j.Progress)))
	}
	if e := j.Error; e != nil {
		r.Error = pointer(encode(storedFault{Code: e.Code, Message: e.Message, Hint: e.Hint, Field: e.Field, Source: e.Source}))
	}
}

func pointer[T any](v T) *T { return &v }

func (r jobRow) job() (job.Job, error) {
	j := job.Job{ID: r.ID, Kind: r.Kind, Subject: r.Subject, Label: r.Label, Params: rawOf(r.Params), Status: r.Status,
		Actor: r.Actor, Canceling: r.Canceling, Summary: r.Summary, Result: rawOf(r.Result), RetryOf: r.RetryOf, Attempt: r.Attempt, Urgent: r.Urgent,
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), StartedAt: timeOf(r.StartedAt), FinishedAt: timeOf(r.FinishedAt)}
	var steps []storedStep
	if err := decode(r.Steps, &steps); err != nil {
		return j, err
	}
	j.Steps = mapRows(steps, func(s storedStep) job.Step {
		return job.Step{Name: s.Name, Status: s.Status, StartedAt: timeOf(s.StartedAt), FinishedAt: timeOf(s.FinishedAt)}
	})
	if r.Progress != nil {
		var p storedProgress
		if err := decode(r.Progress, &p); err != nil {
			return j, err
		}
		j.Progress = pointer(job.Progress(p))
	}
	if r.Error != nil {
		var e storedFault
		if err := decode(r.Error, &e); err != nil {
			return j, err
		}
		j.Error = fault.New(e.Code, "%s", e.Message).WithHint("%s", e.Hint).WithField(e.Field).WithSource(e.Source)
	}
	return j, nil
}

func jobsOf(rows []jobRow) ([]job.Job, error) {
	out := make([]job.Job, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.job(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
