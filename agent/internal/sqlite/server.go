package sqlite

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// ServerStore returns the store of package server.
func (db *DB) ServerStore() server.Store { return serverStore{db} }

type serverStore struct{ *DB }

func (s serverStore) Update(ctx context.Context, change func(server.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type serverRow struct {
	bun.BaseModel `bun:"table:servers"`

	ID           string `bun:",pk"`
	Name         string
	Owner        string
	BlueprintID  string
	Port         int
	Intent       server.Intent
	RCONPassword string `bun:"rcon_password"`
	Layers       *string
	Release      string
	LastJob      string
	StartedAt    *int64
	CreatedAt    int64
	UpdatedAt    int64
}

func (r serverRow) server() (server.Server, error) {
	s := server.Server{ID: r.ID, Name: r.Name, Owner: r.Owner, Blueprint: r.BlueprintID, Port: r.Port, Intent: r.Intent,
		RCONPassword: r.RCONPassword, Release: r.Release, LastJob: r.LastJob, StartedAt: timeOf(r.StartedAt),
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC()}
	return s, decode(r.Layers, &s.Layers)
}

func (q queries) serverWhere(ctx context.Context, column, value string) (server.Server, error) {
	var row serverRow
	if err := q.idb.NewSelect().Model(&row).Where("? = ?", bun.Ident(column), plain(value)).Scan(ctx); err != nil {
		return server.Server{}, q.absent(err, "server", value)
	}
	return row.server()
}

// ServerByName returns the server with name, or a NotFound fault.
func (q queries) ServerByName(ctx context.Context, name string) (server.Server, error) {
	return q.serverWhere(ctx, "name", name)
}

// ServerByID returns the server with id, or a NotFound fault.
func (q queries) ServerByID(ctx context.Context, id string) (server.Server, error) {
	return q.serverWhere(ctx, "id", id)
}

// Servers returns all servers, sorted by name.
func (q queries) Servers(ctx context.Context) ([]server.Server, error) {
	var rows []serverRow
	if err := q.idb.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	out := make([]server.Server, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.server(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutServer inserts or replaces by ID. Conflict: the name or the port is taken. NotFound: its blueprint
// does not exist.
func (tx *Tx) PutServer(ctx context.Context, s server.Server) error {
	row := serverRow{ID: s.ID, Name: plain(s.Name), Owner: plain(s.Owner), BlueprintID: plain(s.Blueprint), Port: s.Port, Intent: s.Intent,
		RCONPassword: plain(s.RCONPassword), Layers: pointer(encode(s.Layers)), Release: plain(s.Release), LastJob: s.LastJob, StartedAt: micros(s.StartedAt),
		CreatedAt: s.CreatedAt.UnixMicro(), UpdatedAt: s.UpdatedAt.UnixMicro()}
	err := tx.put(ctx, &row, "name", "owner", "blueprint_id", "port", "intent", "rcon_password", "layers", "release", "last_job", "started_at", "updated_at")
	failure, _ := fault.Of(err)
	switch {
	case fault.Is(err, fault.Conflict) && failure.Field == "port":
		return fault.Wrap(err, fault.Conflict, "Port %d belongs to another server.", s.Port).WithHint("Choose another port, or none to get a free one.").WithField("port")
	case fault.Is(err, fault.Conflict):
		return fault.Wrap(err, fault.Conflict, "There is a server named %q already.", s.Name).WithHint("Choose another name.").WithField("name")
	case fault.Is(err, fault.Precondition):
		return fault.Wrap(err, fault.NotFound, "There is no blueprint %q.", s.Blueprint).WithField("blueprint")
	}
	return err
}

// DeleteServer removes a server; an unknown one is fine.
func (tx *Tx) DeleteServer(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*serverRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	return tx.explain(err)
}
