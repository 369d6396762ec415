package ui

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

// statusRecorder notes the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
	begun  bool
}

// WriteHeader notes the first status.
func (w *statusRecorder) WriteHeader(status int) {
	if !w.begun {
		w.status, w.begun = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach deadlines and flush.
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// record writes a change into the audit log, whatever became of it. Throttled sign-ins are left out: the tries before
// them are there, and the log must not grow by what is refused for being too much.
func (p *Panel) record(r *http.Request, row route, s *scene, status int) {
	if status == http.StatusTooManyRequests {
		return
	}
	e := account.Entry{Actor: s.person.Name, Address: remote(r), Action: row.audit, Host: chi.URLParam(r, "host"), Status: status,
		Target: s.target, Detail: strings.Join(s.detail, "; ")}
	if s.actor != "" {
		e.Actor = s.actor
	}
	if e.Target == "" {
		e.Target = cut(targetOf(r, row))
	}
	e.Detail = cut(e.Detail)
	ctx, cancel := context.WithTimeout(background(r), 5*time.Second)
	defer cancel()
	if err := p.Accounts.Record(ctx, e); err != nil {
		slog.Error("a change is missing in the audit log", "error", err, "actor", e.Actor, "action", e.Action, "target", e.Target)
	}
}

// targetOf returns what a row's path names: "server/alpha", "person/bob".
func targetOf(r *http.Request, row route) string {
	name := param(r, "name")
	if name == "" {
		name = param(r, "id")
	}
	if name == "" {
		return ""
	}
	kind, _, _ := strings.Cut(row.audit, ".")
	return kind + "/" + name
}

// cut keeps what strangers choose short.
func cut(text string) string {
	const most = 500
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// auditFilter reads the filter of the address. Days are in UTC.
func auditFilter(query url.Values) account.AuditFilter {
	f := account.AuditFilter{Actor: query.Get("actor"), Action: query.Get("action"), Host: query.Get("host"), Target: query.Get("target"),
		Failed: query.Get("failed") != ""}
	f.Since, _ = time.Parse(time.DateOnly, query.Get("since")) // a day that is none filters nothing
	if until, err := time.Parse(time.DateOnly, query.Get("until")); err == nil {
		f.Until = until.AddDate(0, 0, 1)
	}
	f.Before, _ = strconv.ParseInt(query.Get("before"), 10, 64)
	return f
}

func (p *Panel) audit(w http.ResponseWriter, r *http.Request) error {
	list, err := p.Accounts.Audit(r.Context(), auditFilter(r.URL.Query()))
	if err != nil {
		return err
	}
	return p.show(w, r, view.Audit(p.page(r, "audit", "Audit log"), list, r.URL.Query()))
}

// mostExported bounds a file; the filter reaches what is older.
const mostExported = 100_000

func (p *Panel) auditExport(w http.ResponseWriter, r *http.Request) error {
	file := param(r, "file")
	filter := auditFilter(r.URL.Query())
	filter.Limit = mostExported
	if file != "audit.csv" && file != "audit.json" {
		return errNoPage
	}
	list, err := p.Accounts.Audit(r.Context(), filter)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+file+`"`)
	if file == "audit.json" {
		w.Header().Set("Content-Type", "application/json")
		if list == nil {
			list = []account.Entry{}
		}
		return json.NewEncoder(w).Encode(list)
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	if err := out.Write([]string{"id", "time", "actor", "address", "action", "host", "target", "status", "detail"}); err != nil {
		return nil // the browser went away
	}
	for _, e := range list {
		row := []string{strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339), e.Actor, e.Address, e.Action, e.Host, e.Target,
			strconv.Itoa(e.Status), e.Detail}
		for i := range row {
			row[i] = harmless(row[i])
		}
		if err := out.Write(row); err != nil {
			return nil
		}
	}
	out.Flush()
	return nil
}

// harmless keeps a spreadsheet from taking text for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
