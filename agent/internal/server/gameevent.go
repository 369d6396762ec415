package server

import (
	"context"
	"time"
)

// GameEventKind is what happened in a game.
type GameEventKind string

// Kinds of game events. The first group is what people do, the second what the game does.
const (
	GameJoined GameEventKind = "joined" // a player is in the game
	GameLeft   GameEventKind = "left"   // Text is the reason
	GameChat   GameEventKind = "chat"   // Text is what was said
	GameKill   GameEventKind = "kill"   // Text is the victim

	GameMap       GameEventKind = "map"        // Text is the map that began
	GameMapEnd    GameEventKind = "map_end"    // Text is the map that will be loaded, when known
	GameEmpty     GameEventKind = "empty"      // nobody is left: it hibernates
	GameWake      GameEventKind = "wake"       // somebody connects
	GameOutdated  GameEventKind = "outdated"   // it says that a newer release is due
	GameNoMap     GameEventKind = "no_map"     // Text is the line: the map does not exist
	GameRCONWrong GameEventKind = "rcon_wrong" // somebody tried a wrong RCON password; Text is the address
)

// GameEvent is one thing that a game's console told.
type GameEvent struct {
	ID      int64 // rising; 0 until stored
	Server  string
	Time    time.Time
	Kind    GameEventKind
	Player  string // as the player chose it, cleaned
	SteamID uint64 // SteamID64; 0 = none
	Text    string
	// Ambiguous says that a name or chat may have shaped it: to be shown, not to be acted on.
	Ambiguous bool
}

// GameEventFilter selects game events. Zero fields select everything.
type GameEventFilter struct {
	Before int64           // only ids below this
	After  int64           // only ids above this
	Kinds  []GameEventKind // only these
	Text   string          // only with this in player, SteamID or text, whatever the case
	Limit  int             // 1 … 1000
}

// History keeps what games told. Implementations are safe for concurrent use.
type History interface {
	// SaveGameEvents adds events of one server and remembers cursor, the console line they came from last, in
	// one transaction; "" leaves the cursor as it is.
	SaveGameEvents(ctx context.Context, serverID, cursor string, events []GameEvent) error
	// GameCursor returns the cursor that was saved last; "" when there is none.
	GameCursor(ctx context.Context, serverID string) (string, error)
	// GameEvents returns the newest first.
	GameEvents(ctx context.Context, serverID string, filter GameEventFilter) ([]GameEvent, error)
}
