package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/fault"
)

// micros is how a time is stored; NULL is the zero time.
func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixMicro()
	return &n
}

func timeOf(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.UnixMicro(*n).UTC()
}

// encode is how lists and objects are stored. The types that are stored always marshal.
func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(data)
}

// decode reads what encode wrote. NULL and "" leave v as it is.
func decode(text *string, v any) error {
	if text == nil || *text == "" {
		return nil
	}
	return json.Unmarshal([]byte(*text), v)
}

func textOrNull(data json.RawMessage) *string {
	if len(data) == 0 {
		return nil
	}
	text := string(data)
	return &text
}

func rawOf(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}

// plain makes text that others gave fit for a column: bun cannot write NUL.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// absent is explain for a query of one row, which tells a person what does not exist.
func (q queries) absent(err error, kind, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "There is no %s %q.", kind, name).
			WithHint("Check the spelling; what there is shows: left4me %s list", kind)
	}
	return q.explain(err)
}

// put inserts row, or changes columns of the row with the same id.
func (tx *Tx) put(ctx context.Context, row any, columns ...string) error {
	query := tx.idb.NewInsert().Model(row).On("CONFLICT (id) DO UPDATE")
	for _, column := range columns {
		query.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
	}
	_, err := query.Exec(ctx)
	return tx.explain(err)
}
