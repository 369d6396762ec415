package api

// Paths of the API, below Prefix. {name} and {id} are path parameters.
const (
	PathHealth           = Prefix + "/health"                  // GET, open: 200 when the agent serves
	PathHost             = Prefix + "/host"                    // GET Host
	PathOpenAPI          = Prefix + "/openapi.json"            // GET
	PathPlugins          = Prefix + "/plugins"                 // GET []Plugin
	PathPlugin           = PathPlugins + "/{name}"             // GET Plugin
	PathPluginRestart    = PathPlugin + "/restart"             // POST Plugin
	PathPluginLog        = PathPlugin + "/log"                 // GET []PluginLine ?after=: the newest, at most 200
	PathOverlayTypes     = Prefix + "/overlay-types"           // GET []OverlayType
	PathOverlays         = Prefix + "/overlays"                // GET []Overlay, POST OverlayCreate -> 201 Overlay
	PathOverlay          = PathOverlays + "/{name}"            // GET, PATCH OverlayUpdate, DELETE
	PathOverlayBuild     = PathOverlay + "/build"              // POST OverlayBuild -> 202 Job
	PathOverlayRevisions = PathOverlay + "/revisions"          // GET []Revision
	PathOverlayDiff      = PathOverlayRevisions + "/{id}/diff" // GET ?from= -> []FileChange, at most 10,000
	PathOverlayRollback  = PathOverlay + "/rollback"           // POST OverlayRollback -> Overlay
	PathOverlayPin       = PathOverlay + "/pin"                // POST OverlayPin -> Revision
	PathContentOrphans   = Prefix + "/content/orphans"         // GET []Orphan: looks now
	PathContentRemove    = PathContentOrphans + "/remove"      // POST OrphanRemove -> 202 Job
	PathContentSweep     = Prefix + "/content/sweep"           // POST -> 202 Job: removes what nobody needs
	PathBlueprints       = Prefix + "/blueprints"              // GET, POST BlueprintCreate -> 201
	PathBlueprint        = PathBlueprints + "/{name}"          // GET, PATCH BlueprintUpdate, DELETE
	PathBlueprintPreview = Prefix + "/blueprint-preview"       // POST BlueprintCreate -> BlueprintPreview; changes nothing
	PathReleases         = Prefix + "/releases"                // GET []Release, POST ReleaseInstall -> 202 Job: install from the configured source
	PathServers          = Prefix + "/servers"                 // GET, POST ServerCreate -> 201
	PathServer           = PathServers + "/{name}"             // GET, DELETE -> 202 Job
	PathServerStart      = PathServer + "/start"               // POST -> 202 Job
	PathServerStop       = PathServer + "/stop"                // POST -> 202 Job
	PathServerRestart    = PathServer + "/restart"             // POST -> 202 Job
	PathServerKill       = PathServer + "/kill"                // POST -> 202 Job; allowed while another job runs
	PathServerReset      = PathServer + "/reset"               // POST -> 202 Job: empties the upper
	PathServerCommand    = PathServer + "/command"             // POST ServerCommand -> ServerReply
	PathServerPlayers    = PathServer + "/players"             // GET []Player
	PathServerSay        = PathServer + "/say"                 // POST ServerSay -> 204
	PathServerKick       = PathServer + "/kick"                // POST ServerKick -> 204
	PathServerBan        = PathServer + "/ban"                 // POST ServerBan -> 204
	PathServerUnban      = PathServer + "/unban"               // POST ServerUnban -> 204
	PathServerMap        = PathServer + "/map"                 // POST ServerMap -> 204
	PathServerHistory    = PathServer + "/history"             // GET []GameEvent ?kind=&text=&before=&after=&limit=
	PathServerMetrics    = PathServer + "/metrics"             // GET Series ?last=seconds
	PathHostMetrics      = Prefix + "/host/metrics"            // GET Series ?last=seconds
	PathMetrics          = Prefix + "/metrics"                 // GET text for Prometheus
	PathServerConsole    = PathServer + "/console"             // GET SSE ?tail=N&after=&follow=false; Last-Event-ID resumes
	PathSchedules        = Prefix + "/schedules"               // GET []Schedule, POST ScheduleCreate -> Schedule
	PathSchedule         = PathSchedules + "/{name}"           // GET, PATCH ScheduleUpdate, DELETE
	PathScheduleRun      = PathSchedule + "/run"               // POST ScheduleRun -> 202 Job
	PathSchedulePreview  = Prefix + "/schedule-preview"        // POST ScheduleTrigger -> SchedulePreview; changes nothing
	PathScheduleKinds    = Prefix + "/schedule-kinds"          // GET ScheduleKinds
	PathJobs             = Prefix + "/jobs"                    // GET []Job ?subject=&status=&limit=&before=
	PathJob              = PathJobs + "/{id}"                  // GET
	PathJobCancel        = PathJob + "/cancel"                 // POST -> Job
	PathJobRetry         = PathJob + "/retry"                  // POST -> 202 Job
	PathJobLog           = PathJob + "/log"                    // GET SSE ?after=&follow=false; ?format=text gives the log so far as text/plain
	PathEvents           = Prefix + "/events"                  // GET []Event ?subject=&after=&limit=
	PathEventStream      = Prefix + "/events/stream"           // GET SSE ?after=
)
