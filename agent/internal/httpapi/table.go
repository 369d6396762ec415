package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/api"
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	del    = http.MethodDelete
	put    = http.MethodPut
	ok     = http.StatusOK
	queued = http.StatusAccepted
)

// table is the whole API: what is where, who may, and what serves it.
func table(s Services) []route {
	return []route{
		{get, api.PathHealth, "health", "Say that the agent serves.", Open, health()},
		{get, api.PathOpenAPI, "openapi", "Describe the API.", Open, openAPI()},
		{get, api.PathHost, "host-show", "Show the agent and its machine.", Read, all(s.Host.Host)},

		{get, api.PathHostMetrics, "host-metrics", "Show the machine's figures over time.", Read, curves(func(c call, last time.Duration) (api.Series, error) {
			return s.Metrics.Host(c.ctx, last)
		})},
		{get, api.PathMetrics, "metrics", "Show the present figures the way Prometheus reads them.", Read, scrape(s)},

		{get, api.PathPlugins, "plugin-list", "List configured plugins.", Read, all(s.Plugins.List)},
		{get, api.PathPlugin, "plugin-show", "Show a plugin.", Read, one(s.Plugins.Get)},
		{post, api.PathPluginRestart, "plugin-restart", "Restart a plugin.", Admin, act(ok, s.Plugins.Restart)},
		{get, api.PathPluginLog, "plugin-log", "List the newest lines that a plugin logged.", Admin, pluginLog(s.Plugins)},
		{get, api.PathOverlayTypes, "overlay-types", "List what overlays can be made with.", Read, all(s.Plugins.Types)},

		{get, api.PathOverlays, "overlay-list", "List overlays.", Read, all(s.Overlays.List)},
		{post, api.PathOverlays, "overlay-create", "Create an overlay.", Admin, create(s.Overlays.Create)},
		{get, api.PathOverlay, "overlay-show", "Show an overlay.", Read, one(s.Overlays.Get)},
		{patch, api.PathOverlay, "overlay-update", "Change an overlay.", Admin, change(ok, s.Overlays.Update)},
		{del, api.PathOverlay, "overlay-delete", "Delete an overlay that nothing uses.", Admin, remove(s.Overlays.Delete)},
		{post, api.PathOverlayBuild, "overlay-build", "Build a new revision of an overlay.", Operate, change(queued, s.OverlayBuilds.Build)},
		{get, api.PathOverlayRevisions, "overlay-revisions", "List an overlay's revisions, newest first.", Read, one(s.OverlayBuilds.Revisions)},
		{get, api.PathOverlayDiff, "overlay-diff", "List what differs between two revisions.", Read, diff(s.OverlayBuilds)},
		{post, api.PathOverlayRollback, "overlay-rollback", "Make an earlier revision the present one.", Admin, rollback(s.OverlayBuilds)},
		{get, api.PathOverlayItems, "overlay-items", "List the parts of an overlay's content that its builder names.", Read, one(s.Addons.Items)},
		{get, api.PathOverlayPicture, "overlay-picture", "Show the picture of an item.", Read, picture(s.Addons)},
		{get, api.PathOverlayCampaigns, "overlay-campaigns", "List an overlay's add-ons, campaigns and conflicts.", Read, one(s.Addons.OfOverlay)},
		{get, api.PathOverlayRefresh, "refresh-show", "Show the last and the next refresh.", Read, all(s.Addons.ShowRefresh)},
		{post, api.PathOverlayRefresh, "refresh-start", "Look for newer content of all overlays.", Operate, refresh(s.Addons)},

		{post, api.PathOverlayOwner, "overlay-give", "Make an overlay belong to somebody else.", Admin, give(s.Owners.GiveOverlay)},
		{post, api.PathOverlayPin, "overlay-pin", "Keep a revision, or let go of it.", Admin, change(ok, s.OverlayBuilds.Pin)},

		{get, api.PathContentOrphans, "content-orphans", "Look for content that belongs to nothing.", Read, all(s.Content.Orphans)},
		{post, api.PathContentRemove, "content-remove", "Remove content that belongs to nothing.", Admin, removeOrphan(s.Content)},
		{post, api.PathContentSweep, "content-sweep", "Remove what nobody needs any more.", Operate, sweep(s.Content)},

		{get, api.PathBlueprints, "blueprint-list", "List blueprints.", Read, all(s.Blueprints.List)},
		{post, api.PathBlueprints, "blueprint-create", "Create a blueprint.", Admin, create(s.Blueprints.Create)},
		{get, api.PathBlueprint, "blueprint-show", "Show a blueprint.", Read, one(s.Blueprints.Get)},
		{patch, api.PathBlueprint, "blueprint-update", "Change a blueprint.", Admin, change(ok, s.Blueprints.Update)},
		{del, api.PathBlueprint, "blueprint-delete", "Delete a blueprint that nothing uses.", Admin, remove(s.Blueprints.Delete)},
		{post, api.PathBlueprintOwner, "blueprint-give", "Make a blueprint belong to somebody else.", Admin, give(s.Owners.GiveBlueprint)},
		{get, api.PathBlueprintCampaigns, "blueprint-campaigns", "List what a blueprint's overlays bring, and what collides.", Read, one(s.Addons.OfBlueprint)},
		{post, api.PathBlueprintPreview, "blueprint-preview", "Show what a blueprint would come to, and its likely mistakes.", Read, preview(s.Blueprints)},

		{get, api.PathReleases, "release-list", "List installed versions of the game.", Read, all(s.Releases.List)},
		{post, api.PathReleases, "release-install", "Install what the source of the game has.", Admin, begin(s.Releases.Install)},
		{del, api.PathRelease, "release-remove", "Remove a release that nothing uses.", Admin, act(queued, s.Releases.Remove)},
		{get, api.PathInstallation, "installation-show", "Show where the game comes from and what is new.", Read, all(s.Installation.Installation)},
		{post, api.PathInstallationCheck, "installation-check", "Ask the source for something new.", Operate, check(s.Installation)},
		{post, api.PathInstallationUse, "installation-use", "Choose the release that new starts use.", Admin, accepts(ok, choose(s.Installation))},
		{post, api.PathInstallationRollout, "installation-rollout", "Take the present release to the running servers.", Operate, begin(s.Installation.RollOut)},

		{get, api.PathServers, "server-list", "List servers.", Read | ServerView, serverList(s.Servers)},
		{post, api.PathServers, "server-create", "Create a server.", Admin, create(s.Servers.Create)},
		{get, api.PathServer, "server-show", "Show a server.", Read | ServerView, one(s.Servers.Get)},
		{del, api.PathServer, "server-delete", "Stop and delete a server.", Admin, act(queued, s.Servers.Delete)},
		{post, api.PathServerStart, "server-start", "Start a server.", Operate | ServerPower, act(queued, s.ServerActions.Start)},
		{post, api.PathServerStop, "server-stop", "Stop a server.", Operate | ServerPower, act(queued, s.ServerActions.Stop)},
		{post, api.PathServerRestart, "server-restart", "Restart a server.", Operate | ServerPower, act(queued, s.ServerActions.Restart)},
		{post, api.PathServerKill, "server-kill", "Kill a server at once.", Operate | ServerPower, act(queued, s.ServerActions.Kill)},
		{post, api.PathServerReset, "server-reset", "Throw away what a server wrote.", Admin | ServerReset, act(queued, s.ServerActions.Reset)},
		{post, api.PathServerRelease, "server-release", "Let a server stay at a release of the game.", Admin, change(ok, s.ServerActions.Pin)},
		{post, api.PathServerOwner, "server-give", "Make a server belong to somebody else.", Admin, give(s.Owners.GiveServer)},
		{post, api.PathServerCommand, "server-command", "Run a console command.", Admin | ServerCommand, command(s.ServerLive)},
		{get, api.PathServerPlayers, "server-players", "List who plays on a server.", Read | ServerPlayers, one(s.ServerLive.Players)},
		{post, api.PathServerSay, "server-say", "Say something to everybody who plays.", Operate | ServerPlayers, order(s.ServerLive.Say)},
		{post, api.PathServerKick, "server-kick", "Throw a player out.", Operate | ServerPlayers, order(s.ServerLive.Kick)},
		{post, api.PathServerBan, "server-ban", "Keep a person out.", Operate | ServerPlayers, order(s.ServerLive.Ban)},
		{post, api.PathServerUnban, "server-unban", "Let a person in again.", Operate | ServerPlayers, order(s.ServerLive.Unban)},
		{post, api.PathServerMap, "server-map", "Go to another map.", Operate | ServerMap, order(s.ServerLive.Map)},
		{get, api.PathServerHistory, "server-history", "List what a server's games told, newest first.", Read | ServerPlayers, history(s.ServerLive)},
		{get, api.PathServerCampaigns, "server-campaigns", "List the add-ons, campaigns and conflicts of a server.", Read | ServerView, one(s.Addons.OfServer)},
		{get, api.PathServerMetrics, "server-metrics", "Show a server's figures over time.", Read | ServerView, curves(func(c call, last time.Duration) (api.Series, error) {
			return s.Metrics.Server(c.ctx, c.target, last)
		})},
		{get, api.PathServerFiles, "server-files", "List a directory of a server's files.", Admin | ServerFiles, fileList(s.Files)},
		{get, api.PathServerFile, "server-file", "Download a file of a server.", Admin | ServerFiles, fileGet(s.Files)},
		{put, api.PathServerFile, "server-file-put", "Write a text file of a server.", Admin | ServerWrite, filePut(s.Files)},
		{del, api.PathServerFile, "server-file-reset", "Throw away what a server has at a path.", Admin | ServerWrite, fileReset(s.Files)},
		{get, api.PathServerCollisions, "server-collisions", "List the files that several overlays of a server have.", Read | ServerFiles, one(s.Files.Collisions)},
		{get, api.PathServerConsole, "server-console", "Stream a server's console.", Read | ServerConsole, console(s)},

		{get, api.PathSchedules, "schedule-list", "List what is done by itself.", Read, all(s.Schedules.List)},
		{post, api.PathSchedules, "schedule-create", "Create a schedule.", Admin, create(s.Schedules.Create)},
		{get, api.PathSchedule, "schedule-show", "Show a schedule.", Read, one(s.Schedules.Get)},
		{patch, api.PathSchedule, "schedule-update", "Change a schedule, or switch it on or off.", Admin, change(ok, s.Schedules.Update)},
		{del, api.PathSchedule, "schedule-delete", "Delete a schedule.", Admin, remove(s.Schedules.Delete)},
		{post, api.PathScheduleRun, "schedule-run", "Set a schedule off by hand.", Operate, change(queued, s.Schedules.Run)},
		{post, api.PathSchedulePreview, "schedule-preview", "Say when a trigger would set a schedule off.", Read, accepts(ok, func(c call, in api.ScheduleTrigger) (api.SchedulePreview, error) {
			return s.Schedules.Preview(c.ctx, in)
		})},
		{get, api.PathScheduleKinds, "schedule-kinds", "List what schedules can be made of.", Read, all(s.Schedules.Kinds)},

		{get, api.PathJobs, "job-list", "List jobs, newest first.", Read | ServerView, jobs(s.Jobs)},
		{get, api.PathJob, "job-show", "Show a job.", Read | ServerView, jobShow(s.Jobs)},
		{post, api.PathJobCancel, "job-cancel", "Ask a job to stop.", Operate, act(ok, s.Jobs.Cancel)},
		{post, api.PathJobRetry, "job-retry", "Do again what a job failed to do.", Operate, act(queued, s.Jobs.Retry)},
		{get, api.PathJobLog, "job-log", "Stream a job's log.", Read | ServerView, jobLog(s.Jobs)},

		{get, api.PathEvents, "event-list", "List recorded facts, oldest first.", Read | ServerView, events(s.Events)},
		{get, api.PathEventStream, "event-stream", "Stream recorded facts.", Read | ServerView, eventStream(s.Events)},

		{get, api.PathTokens, "token-list", "List tokens.", Admin, tokenList(s.Tokens)},
		{post, api.PathTokens, "token-create", "Make a token for a program.", Admin, tokenCreate(s.Tokens)},
		{post, api.PathTokensRevoke, "token-revoke-of", "Revoke the tokens of somebody.", Admin, tokenRevoke(s.Tokens)},
		{del, api.PathToken, "token-revoke", "Revoke a token.", Admin, remove(s.Tokens.Revoke)},
	}
}

// alive is what /v1/health answers.
type alive struct {
	Status string `json:"status" doc:"ok"`
}

func health() handler {
	return answers(ok, func(call) (alive, error) { return alive{"ok"}, nil })
}

func openAPI() handler {
	return handler{status: ok, serve: func(a *API, w http.ResponseWriter, _ *http.Request, _ call) error {
		w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
		_, _ = w.Write(a.document)
		return nil
	}}
}

// pluginLog is for admins: a plugin logs what it likes, of everybody's overlays.
func pluginLog(plugins Plugins) handler {
	return answers(ok, func(c call) ([]api.PluginLine, error) {
		return plugins.Log(c.ctx, c.target, number(c.query, "after", 0))
	}, afterParam())
}

func diff(builds OverlayBuilds) handler {
	const most = 10_000
	return answers(ok, func(c call) ([]api.FileChange, error) {
		from := c.query.Get("from")
		if from != "" {
			if err := new(call).checkTarget("", from); err != nil {
				return nil, err
			}
		}
		return builds.Diff(c.ctx, c.target, c.id, from, most)
	}, param{name: "from", doc: "Id of the revision to compare with; the one before if absent."})
}

func rollback(builds OverlayBuilds) handler {
	return change(ok, func(ctx context.Context, actor, name string, in api.OverlayRollback) (api.Overlay, error) {
		return builds.Rollback(ctx, actor, name, in.Revision)
	})
}

func removeOrphan(content Content) handler {
	return accepts(queued, func(c call, in api.OrphanRemove) (api.Job, error) { return content.Remove(c.ctx, c.actor, in) })
}

func sweep(content Content) handler {
	return answers(queued, func(c call) (api.Job, error) { return content.Sweep(c.ctx, c.actor) })
}

// curves serves figures over time.
func curves(read func(c call, last time.Duration) (api.Series, error)) handler {
	return answers(ok, func(c call) (api.Series, error) {
		return read(c, time.Duration(number(c.query, "last", 3600))*time.Second)
	}, param{name: "last", doc: "How many seconds back; a day is kept.", lowest: 1, highest: 86_400})
}

func scrape(s Services) handler {
	return handler{status: ok, serve: func(_ *API, w http.ResponseWriter, r *http.Request, _ call) error {
		s.Metrics.Exposition().ServeHTTP(w, r)
		return nil
	}}
}

func preview(blueprints Blueprints) handler {
	return accepts(ok, func(c call, in api.BlueprintCreate) (api.BlueprintPreview, error) {
		return blueprints.Preview(c.ctx, in)
	})
}

// begin serves what starts a job that is about no single object.
func begin[In any](do func(ctx context.Context, actor string, in In) (api.Job, error)) handler {
	return accepts(queued, func(c call, in In) (api.Job, error) { return do(c.ctx, c.actor, in) })
}

func check(installation Installation) handler {
	return answers(queued, func(c call) (api.Job, error) { return installation.Check(c.ctx, c.actor) })
}

func choose(installation Installation) func(call, api.ReleaseChoice) (api.Release, error) {
	return func(c call, in api.ReleaseChoice) (api.Release, error) {
		if in.Release != "" {
			if err := new(call).checkTarget("", in.Release); err != nil {
				return api.Release{}, err
			}
		}
		return installation.Choose(c.ctx, c.actor, in)
	}
}

func refresh(addons Addons) handler {
	return answers(queued, func(c call) (api.Job, error) { return addons.Refresh(c.ctx, c.actor) })
}

func command(live ServerLive) handler {
	return change(ok, func(ctx context.Context, actor, name string, in api.ServerCommand) (api.ServerReply, error) {
		return live.Command(ctx, actor, name, in.Command)
	})
}

// gameKinds are the kinds of game events, "" for all.
var gameKinds = [...]string{"", "joined", "left", "chat", "kill", "map", "map_end", "empty", "wake", "outdated", "no_map", "rcon_wrong"}

func history(live ServerLive) handler {
	return answers(ok, func(c call) ([]api.GameEvent, error) {
		return live.History(c.ctx, c.target, GameEventFilter{Kind: c.query.Get("kind"), Text: c.query.Get("text"),
			Before: number(c.query, "before", 0), After: number(c.query, "after", 0), Limit: int(number(c.query, "limit", 200))})
	}, limitParam(), afterParam(),
		param{name: "kind", choices: gameKinds[:]},
		param{name: "text", words: true, doc: "Only with this in player, SteamID64 or text, whatever the case."},
		param{name: "before", doc: "Only what has an id below this.", highest: 1<<62 - 1})
}

func jobs(service Jobs) handler {
	return answers(ok, func(c call) ([]api.Job, error) {
		list, err := service.List(c.ctx, JobFilter{
			Subject: c.query.Get("subject"), Status: c.query.Get("status"), Before: c.query.Get("before"),
			Limit: int(number(c.query, "limit", 100)),
		})
		return kept(c, list, func(j api.Job) string { return j.Subject }), err
	}, subjectParam(), limitParam(),
		param{name: "status", choices: []string{"", "queued", "running", "succeeded", "failed", "canceled", "interrupted"}},
		param{name: "before", doc: "Only jobs with an id below this."})
}

func events(service Events) handler {
	return answers(ok, func(c call) ([]api.Event, error) {
		list, err := service.List(c.ctx, EventFilter{
			Subject: c.query.Get("subject"), After: number(c.query, "after", 0), Limit: int(number(c.query, "limit", 200)),
		})
		return kept(c, list, func(e api.Event) string { return e.Subject }), err
	}, subjectParam(), limitParam(), afterParam())
}

func subjectParam() param {
	return param{name: "subject", doc: "Only about this, for example server/alpha."}
}

func limitParam() param {
	return param{name: "limit", doc: "At most this many.", lowest: 1, highest: 1000}
}

func afterParam() param {
	return param{name: "after", doc: "Only what has an id above this.", highest: 1<<62 - 1}
}
