// Package blueprint looks after blueprints: which overlays in which order, with which settings, a
// server is made from; and resolves one into what to mount, what to launch and what to write.
//
// Servers hold no settings of their own. A change of a blueprint reaches its servers at their next
// start.
package blueprint

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// Blueprint says which overlays in which order with which settings.
type Blueprint struct {
	ID        string
	Name      string   // unique
	Owner     string   // "" is the system
	Overlays  []string // ids; the first has the highest precedence
	Arguments []string // launch arguments, one element each, without blanks
	Config    []string // lines of server.cfg, before the generated ones
	Settings  Settings
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Settings are typed settings. Zero values leave the game's own default.
type Settings struct {
	Hostname   string `json:"hostname,omitempty"` // {server} stands for the server's name
	Map        string `json:"map,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Difficulty string `json:"difficulty,omitempty"`
	MaxPlayers int    `json:"max_players,omitempty"`
	Tickrate   int    `json:"tickrate,omitempty"`
	Region     *int   `json:"region,omitempty"`
	SteamGroup string `json:"steam_group,omitempty"`
	SearchKey  string `json:"search_key,omitempty"`
	// SteamGroupExclusive lets only members of SteamGroup find the server through a lobby.
	SteamGroupExclusive bool   `json:"steam_group_exclusive,omitempty"`
	Password            string `json:"password,omitempty"` // to join; everybody who plays knows it
	Tags                string `json:"tags,omitempty"`
	GameTypes           string `json:"game_types,omitempty"` // modes that lobbies may choose, with commas
	// LobbyOnly false lets people join an empty server by its address; nil leaves the game's own, which does not.
	LobbyOnly *bool    `json:"lobby_only,omitempty"`
	Rates     bool     `json:"rates,omitempty"`    // set the network rates that fit Tickrate
	MOTD      string   `json:"motd,omitempty"`     // shown to who joins
	SMCvars   []string `json:"sm_cvars,omitempty"` // "name value" each, set by SourceMod, also cheats
	Limits    Limits   `json:"limits,omitzero"`
}

// Reader reads blueprints. Absent ones are fault.NotFound.
type Reader interface {
	BlueprintByName(ctx context.Context, name string) (Blueprint, error)
	BlueprintByID(ctx context.Context, id string) (Blueprint, error)
	// Blueprints are sorted by name.
	Blueprints(ctx context.Context) ([]Blueprint, error)
	// BlueprintUsers returns the names of the servers made from it, sorted.
	BlueprintUsers(ctx context.Context, blueprintID string) ([]string, error)
}

// Writer changes blueprints inside a transaction.
type Writer interface {
	// PutBlueprint inserts or replaces by ID, its list of overlays included. Conflict: the name is
	// taken. NotFound: an overlay does not exist.
	PutBlueprint(ctx context.Context, blueprint Blueprint) error
	// DeleteBlueprint: Precondition when a server is made from it.
	DeleteBlueprint(ctx context.Context, id string) error
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	Writer
	overlay.Reader
	event.Tx
}

// Store keeps blueprints.
type Store interface {
	Reader
	// Update runs change in one transaction; an error rolls everything back.
	Update(ctx context.Context, change func(Tx) error) error
}
