// Package api holds the wire types of the agent's HTTP API, shared by the agent and its clients.
// It imports the standard library only.
//
// Paths are below [Prefix]. Bodies are JSON; unknown fields in a request are refused. Objects are
// addressed by name (overlays, blueprints, servers, plugins) or id (jobs, releases, revisions). An
// operation that takes time answers 202 with the [Job] that does it.
package api

import (
	"encoding/json"
	"time"
)

// Prefix of every path.
const Prefix = "/v1"

// ActorHeader names on whose behalf a trusted client (the panel) acts. It is recorded in jobs and
// events; it grants nothing.
const ActorHeader = "Left4me-Actor"

// Error is the body of every answer with a status of 400 or more.
type Error struct {
	Code      string `json:"code" doc:"invalid, unauthenticated, forbidden, not_found, conflict, precondition, unavailable, canceled, internal"`
	Message   string `json:"message" doc:"One sentence: what failed and why."`
	Hint      string `json:"hint,omitempty" doc:"One next step."`
	Field     string `json:"field,omitempty" doc:"Name or RFC 6901 pointer of the offending input."`
	Source    string `json:"source,omitempty" doc:"Who failed: agent, plugin:NAME, systemd, steam."`
	Reference string `json:"reference,omitempty" doc:"For internal errors: the id under which the agent log has the details."`
}

// Host describes the agent and the machine it runs on.
type Host struct {
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	Supervisor string    `json:"supervisor" doc:"systemd or process"`
	StartedAt  time.Time `json:"started_at"`
	// Notices say what is missing on this host, for example an egress filter. One sentence each.
	Notices []string `json:"notices"`
}

// Plugin is a configured plugin and its state.
type Plugin struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind" doc:"builder or mounter"`
	Enabled      bool              `json:"enabled"`
	Version      string            `json:"version,omitempty"`
	Launch       string            `json:"launch" doc:"exec or socket"`
	State        string            `json:"state" doc:"disabled, starting, ready, degraded, backoff, failed, stopped"`
	Description  string            `json:"description,omitempty" doc:"Why it is in this state, one sentence."`
	Health       map[string]string `json:"health,omitempty" doc:"Facts the plugin found by trying."`
	Capabilities []string          `json:"capabilities,omitempty"`
	User         string            `json:"user,omitempty"`
	PID          int               `json:"pid,omitempty"`
	MemoryBytes  uint64            `json:"memory_bytes,omitempty"`
	Restarts     int               `json:"restarts"`
	StartedAt    *time.Time        `json:"started_at,omitempty"`
	LastExit     string            `json:"last_exit,omitempty"`
	LastExitAt   *time.Time        `json:"last_exit_at,omitempty"`
}

// PluginLine is one line that a plugin logged or printed, without the values of secrets.
type PluginLine struct {
	Seq   int64     `json:"seq" doc:"Rising. Begins with 1 at the start of the agent."`
	Time  time.Time `json:"time"`
	Level string    `json:"level" doc:"trace, debug, info, warn, error"`
	Text  string    `json:"text"`
}

// OverlayType is what overlays can be made with: an enabled builder plugin.
type OverlayType struct {
	Name   string          `json:"name" doc:"The plugin's name in the config."`
	Doc    string          `json:"doc,omitempty"`
	Schema json.RawMessage `json:"schema" doc:"JSON Schema 2020-12 of an overlay's settings."`
	// Refresh tells that a build looks for newer content at its source by itself.
	Refresh bool `json:"refresh,omitempty" doc:"Its overlays take part in the daily refresh."`
}

// Overlay is named, built, read-only content.
type Overlay struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	TypeMissing bool            `json:"type_missing,omitempty" doc:"The plugin of its type is not configured or not enabled."`
	System      bool            `json:"system" doc:"Readable by all accounts, owned by nobody."`
	Owner       string          `json:"owner,omitempty"`
	Settings    json.RawMessage `json:"settings"`
	Revision    string          `json:"revision,omitempty" doc:"The revision that new starts use."`
	Bytes       uint64          `json:"bytes"`
	Files       uint64          `json:"files"`
	DiskBytes   uint64          `json:"disk_bytes" doc:"What all its revisions take, what they share counted once; 0 = not measured yet."`
	BuiltAt     *time.Time      `json:"built_at,omitempty"`
	UsedBy      []string        `json:"used_by" doc:"Names of blueprints that list it."`
	LastJob     string          `json:"last_job,omitempty"`
	LastStatus  string          `json:"last_status,omitempty" doc:"Status of its last build job."`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// OverlayCreate makes an overlay; nothing is built yet unless Build is set.
type OverlayCreate struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Settings json.RawMessage `json:"settings,omitempty"`
	System   bool            `json:"system,omitempty"`
	Build    bool            `json:"build,omitempty"`
}

// OverlayUpdate changes the fields that are set.
type OverlayUpdate struct {
	Settings json.RawMessage `json:"settings,omitempty"`
	System   *bool           `json:"system,omitempty"`
}

// OverlayBuild starts a build.
type OverlayBuild struct {
	Wipe bool `json:"wipe,omitempty" doc:"Start from an empty tree instead of the present revision."`
}

// OverlayRollback makes an earlier revision the present one.
type OverlayRollback struct {
	Revision string `json:"revision"`
}

// OverlayPin keeps a revision from being removed when it is old, or lets go of it.
type OverlayPin struct {
	Revision string `json:"revision"`
	Pinned   bool   `json:"pinned"`
}

// Orphan is content on disk that belongs to nothing the agent knows.
type Orphan struct {
	Content string `json:"content" doc:"Its name: overlay/ID/REVISION, release/ID, server/ID or build/ID."`
	Bytes   uint64 `json:"bytes"`
	Files   uint64 `json:"files"`
}

// OrphanRemove names an orphan to remove for good.
type OrphanRemove struct {
	Content string `json:"content"`
}

// Revision is one immutable build result.
type Revision struct {
	ID          string    `json:"id"`
	Overlay     string    `json:"overlay"`
	Current     bool      `json:"current"`
	Pinned      bool      `json:"pinned" doc:"Kept until it is unpinned, however old it becomes."`
	UsedBy      []string  `json:"used_by" doc:"Names of servers that run with it."`
	Bytes       uint64    `json:"bytes"`
	OwnBytes    uint64    `json:"own_bytes" doc:"What its removal would free."`
	SharedBytes uint64    `json:"shared_bytes" doc:"What other revisions hold too."`
	Files       uint64    `json:"files"`
	Added       uint64    `json:"added"`
	Removed     uint64    `json:"removed"`
	Changed     uint64    `json:"changed"`
	Notes       []string  `json:"notes,omitempty"`
	Job         string    `json:"job,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
}

// FileChange is one line of a diff between revisions.
type FileChange struct {
	Kind string `json:"kind" doc:"added, removed, changed"`
	Path string `json:"path"`
	Size uint64 `json:"size"`
}

// Blueprint says which overlays in which order with which settings.
type Blueprint struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Owner     string            `json:"owner,omitempty"`
	Overlays  []string          `json:"overlays" doc:"Names; the first has the highest precedence."`
	Arguments []string          `json:"arguments" doc:"Launch arguments, one element each."`
	Config    []string          `json:"config" doc:"Lines of server.cfg, before the generated ones."`
	Settings  BlueprintSettings `json:"settings"`
	UsedBy    []string          `json:"used_by" doc:"Names of servers made from it."`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// BlueprintSettings are typed settings; zero values leave the game's own default. The tags are the one description of
// the fields: doc goes into the OpenAPI document, and doc, label and suggest into the panel's form. suggest proposes
// values and refuses none; of a field that one of them must be, choices lists them.
type BlueprintSettings struct {
	Hostname   string `json:"hostname,omitempty" label:"Name in the game" doc:"{server} stands for the server's name."`
	Map        string `json:"map,omitempty" label:"First map" suggest:"c1m1_hotel c2m1_highway c5m1_waterfront c8m1_apartment" doc:"First map, for example c1m1_hotel."`
	Mode       string `json:"mode,omitempty" suggest:"coop versus survival scavenge realism mutation12" doc:"coop, versus, survival, scavenge, realism, mutationN"`
	Difficulty string `json:"difficulty,omitempty" choices:"Easy Normal Hard Impossible" doc:"Easy, Normal, Hard, Impossible"`
	MaxPlayers int    `json:"max_players,omitempty" label:"Players" doc:"1 to 31; more than 8 needs l4dtoolz."`
	Tickrate   int    `json:"tickrate,omitempty" label:"Tick rate" suggest:"30 60 100" doc:"Above 30 needs tickrate_enabler in an overlay."`
	Region     *int   `json:"region,omitempty" doc:"0 to 7, or 255 for the world."`
	SteamGroup string `json:"steam_group,omitempty" label:"Steam group" doc:"Number of the group whose members find it."`
	SearchKey  string `json:"search_key,omitempty" label:"Search key" doc:"Key that lobbies find the server by."`

	SteamGroupExclusive bool     `json:"steam_group_exclusive,omitempty" label:"Steam group only" doc:"Only members of the Steam group find it through a lobby."`
	Password            string   `json:"password,omitempty" doc:"To join. Everybody who plays knows it."`
	Tags                string   `json:"tags,omitempty" doc:"For the server list, with commas; 63 characters count."`
	GameTypes           string   `json:"game_types,omitempty" label:"Game types" doc:"Modes that lobbies may choose, with commas."`
	LobbyOnly           *bool    `json:"lobby_only,omitempty" label:"Lobby only" doc:"false lets people join an empty server by its address; the game's own default does not."`
	Rates               bool     `json:"rates,omitempty" label:"Network rates" doc:"Set the network rates that fit the tick rate."`
	MOTD                string   `json:"motd,omitempty" label:"Message of the day" lines:"" doc:"Message of the day, shown to who joins."`
	SMCvars             []string `json:"sm_cvars,omitempty" label:"SourceMod cvars" doc:"\"name value\" each, set by SourceMod, so that cheats work too."`
	Limits              Limits   `json:"limits,omitzero" doc:"What one server may take of the host."`

	Unknown map[string]json.RawMessage `json:"-"` // fields of a newer version, kept as they came
}

// Limits bound what one server may take of the host; zero values leave the host's own.
type Limits struct {
	MemoryMiB  int    `json:"memory_mib,omitempty" label:"Memory in MiB" doc:"The game is killed beyond it."`
	CPUPercent int    `json:"cpu_percent,omitempty" label:"Processor in percent" doc:"Of one processor; 150 is one and a half."`
	Tasks      int    `json:"tasks,omitempty" doc:"Processes and threads."`
	CPUs       string `json:"cpus,omitempty" label:"Processors" doc:"Processors it may use, for example 0-3,6."`
	IOWeight   int    `json:"io_weight,omitempty" label:"Disk weight" doc:"Share of busy disks, 1 to 10000; others have 100."`

	Unknown map[string]json.RawMessage `json:"-"` // fields of a newer version, kept as they came
}

// BlueprintPreview is what a blueprint comes to.
type BlueprintPreview struct {
	ServerConfig string    `json:"server_config" doc:"server.cfg as a server named example would get it, without the RCON password."`
	Arguments    []string  `json:"arguments" doc:"Launch arguments of that server."`
	Findings     []Finding `json:"findings" doc:"What is most likely a mistake. None of it stands in the way."`
}

// Finding is something odd.
type Finding struct {
	Line    int    `json:"line,omitempty" doc:"Of config, from 1; absent for settings."`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// BlueprintCreate makes a blueprint.
type BlueprintCreate struct {
	Name      string            `json:"name"`
	Overlays  []string          `json:"overlays,omitempty"`
	Arguments []string          `json:"arguments,omitempty"`
	Config    []string          `json:"config,omitempty"`
	Settings  BlueprintSettings `json:"settings,omitzero"`
}

// BlueprintUpdate changes the fields that are set. Servers take it up at their next start.
type BlueprintUpdate struct {
	Overlays  *[]string          `json:"overlays,omitempty"`
	Arguments *[]string          `json:"arguments,omitempty"`
	Config    *[]string          `json:"config,omitempty"`
	Settings  *BlueprintSettings `json:"settings,omitempty"`
}

// Server is a game server made from a blueprint.
type Server struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Owner     string `json:"owner,omitempty"`
	Blueprint string `json:"blueprint"`
	Port      int    `json:"port"`
	Intent    string `json:"intent" doc:"running or stopped: what it should be."`
	State     string `json:"state" doc:"offline, starting, running, stopping, crashed, hung, waiting: what it is."`
	Reason    string `json:"reason,omitempty" doc:"Why it is in this state, one sentence."`
	// Pending lists why a restart would change something, one sentence each.
	Pending   []string   `json:"pending,omitempty"`
	Release   string     `json:"release,omitempty" doc:"Release of the game that it stays at; empty: the present one."`
	Layers    []Layer    `json:"layers,omitempty" doc:"What the tree is stacked from, highest first, as of the last start."`
	PID       int        `json:"pid,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	Live      *Live      `json:"live,omitempty" doc:"What the game itself says; absent while it does not answer."`
	LastJob   string     `json:"last_job,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
}

// Layer is one layer of a server's tree.
type Layer struct {
	Overlay  string `json:"overlay,omitempty" doc:"Name; empty for the installation."`
	Revision string `json:"revision,omitempty"`
	Release  string `json:"release,omitempty"`
	Newer    string `json:"newer,omitempty" doc:"A newer revision or release that a restart would take up."`
}

// Live is what the game answers.
type Live struct {
	Map        string    `json:"map"`
	Players    int       `json:"players"`
	Bots       int       `json:"bots"`
	MaxPlayers int       `json:"max_players"`
	Hostname   string    `json:"hostname"`
	Version    string    `json:"version"`
	At         time.Time `json:"at"`
}

// Player is one person on a server.
type Player struct {
	UserID    int    `json:"user_id"`
	Name      string `json:"name"`
	SteamID   string `json:"steam_id,omitempty" doc:"SteamID64 in decimal"`
	Bot       bool   `json:"bot,omitempty"`
	Connected int    `json:"connected" doc:"seconds"`
	Ping      int    `json:"ping"`
	Loss      int    `json:"loss"`
	State     string `json:"state"`
}

// ServerSay is a message to everybody who plays.
type ServerSay struct {
	Text string `json:"text" doc:"one line without double quotes, at most 200 bytes"`
}

// ServerKick throws a player out.
type ServerKick struct {
	UserID  int    `json:"user_id"`
	SteamID string `json:"steam_id,omitempty" doc:"SteamID64; when given, it must still be the one behind user_id"`
	Reason  string `json:"reason,omitempty" doc:"shown to the player"`
}

// ServerBan keeps a person out.
type ServerBan struct {
	SteamID string `json:"steam_id" doc:"SteamID64"`
	Minutes int    `json:"minutes,omitempty" doc:"0 = for good"`
}

// ServerUnban lets a person in again.
type ServerUnban struct {
	SteamID string `json:"steam_id" doc:"SteamID64"`
}

// ServerMap goes to another map.
type ServerMap struct {
	Map  string `json:"map"`
	Mode string `json:"mode,omitempty" doc:"for example coop or versus; the present one if absent"`
}

// GameEvent is one thing that a game's console told.
type GameEvent struct {
	ID        int64     `json:"id"`
	Time      time.Time `json:"time"`
	Kind      string    `json:"kind" doc:"joined, left, chat, kill, map, map_end, empty, wake, outdated, no_map, rcon_wrong"`
	Player    string    `json:"player,omitempty"`
	SteamID   string    `json:"steam_id,omitempty" doc:"SteamID64"`
	Text      string    `json:"text,omitempty"`
	Ambiguous bool      `json:"ambiguous,omitempty" doc:"a player's name or words may have shaped it: show it, take no decision from it"`
}

// ServerCreate makes a server. Port 0 takes the next free one of the range.
type ServerCreate struct {
	Name      string `json:"name"`
	Blueprint string `json:"blueprint"`
	Port      int    `json:"port,omitempty"`
	Start     bool   `json:"start,omitempty"`
}

// ServerCommand is a console command.
type ServerCommand struct {
	Command string `json:"command"`
}

// ServerReply is what the game printed for a command.
type ServerReply struct {
	Output string `json:"output"`
}

// Job is a recorded long operation.
type Job struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind" doc:"For example overlay.build or server.start."`
	Title     string    `json:"title" doc:"What it does, in words, for example Build of overlay maps."`
	Subject   string    `json:"subject" doc:"For example overlay/maps or server/alpha."`
	Status    string    `json:"status" doc:"queued, running, succeeded, failed, canceled, interrupted"`
	Actor     string    `json:"actor,omitempty" doc:"Who asked; empty means system."`
	Canceling bool      `json:"canceling,omitempty"`
	Steps     []Step    `json:"steps"`
	Progress  *Progress `json:"progress,omitempty"`
	Error     *Error    `json:"error,omitempty"`
	Summary   string    `json:"summary,omitempty" doc:"What came out, one sentence."`
	// Result is what came out, for programs. Lists of jobs leave it out.
	Result     json.RawMessage `json:"result,omitempty" doc:"What came out, for programs: BuildResult for overlay.build, RefreshResult for overlay.refresh. Lists leave it out."`
	RetryOf    string          `json:"retry_of,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
}

// Step is one part of a job.
type Step struct {
	Name       string     `json:"name"`
	Status     string     `json:"status" doc:"pending, running, succeeded, failed, skipped, undone"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Progress of a running job.
type Progress struct {
	Phase   string `json:"phase"`
	Unit    string `json:"unit" doc:"bytes, files, steps"`
	Done    uint64 `json:"done"`
	Total   uint64 `json:"total" doc:"0 = unknown"`
	Message string `json:"message,omitempty"`
}

// JobLine is one line of a job log. Seq rises by one within a job, so it serves as SSE id.
type JobLine struct {
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
	Level string    `json:"level" doc:"debug, info, warn, error, stdout, stderr"`
	Text  string    `json:"text"`
}

// ConsoleLine is one line of a server's console. Cursor is opaque and serves as SSE id.
type ConsoleLine struct {
	Cursor string    `json:"cursor"`
	Time   time.Time `json:"time"`
	Text   string    `json:"text"`
}

// Event is a recorded fact. Ids rise, so an id serves as SSE id.
type Event struct {
	ID      int64           `json:"id"`
	Time    time.Time       `json:"time"`
	Kind    string          `json:"kind" doc:"For example server.started."`
	Subject string          `json:"subject"`
	Actor   string          `json:"actor,omitempty"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// SSE event names. A stream sends "line" (job log, console) or "event" (events), "dropped" with
// {"count":N} where a slow reader lost something, and "end" when nothing more will come: with {} when
// everything was sent, or {"error":Error} when the source failed. A stream that closes without "end" is to
// be resumed: Last-Event-ID, or ?after= at first, names the last id seen.
const (
	StreamLine    = "line"
	StreamEvent   = "event"
	StreamJob     = "job" // job log stream only: the job changed
	StreamDropped = "dropped"
	StreamEnd     = "end"
)
