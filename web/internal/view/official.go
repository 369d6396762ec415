package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
)

// Official are the campaigns that come with the game: title, and maps in order. Names are those of the maps directory of the
// dedicated server, https://developer.valvesoftware.com/wiki/List_of_L4D2_Maps.
var official = []struct {
	title string
	maps  string
}{
	{"Dead Center", "c1m1_hotel c1m2_streets c1m3_mall c1m4_atrium"},
	{"Dark Carnival", "c2m1_highway c2m2_fairgrounds c2m3_coaster c2m4_barns c2m5_concert"},
	{"Swamp Fever", "c3m1_plankcountry c3m2_swamp c3m3_shantytown c3m4_plantation"},
	{"Hard Rain", "c4m1_milltown_a c4m2_sugarmill_a c4m3_sugarmill_b c4m4_milltown_b c4m5_milltown_escape"},
	{"The Parish", "c5m1_waterfront c5m2_park c5m3_cemetery c5m4_quarter c5m5_bridge"},
	{"The Passing", "c6m1_riverbank c6m2_bedlam c6m3_port"},
	{"The Sacrifice", "c7m1_docks c7m2_barge c7m3_port"},
	{"No Mercy", "c8m1_apartment c8m2_subway c8m3_sewers c8m4_interior c8m5_rooftop"},
	{"Crash Course", "c9m1_alleys c9m2_lots"},
	{"Death Toll", "c10m1_caves c10m2_drainage c10m3_ranchhouse c10m4_mainstreet c10m5_houseboat"},
	{"Dead Air", "c11m1_greenhouse c11m2_offices c11m3_garage c11m4_terminal c11m5_runway"},
	{"Blood Harvest", "c12m1_hilltop c12m2_traintunnel c12m3_bridge c12m4_barn c12m5_cornfield"},
	{"Cold Stream", "c13m1_alpinecreek c13m2_southpinestream c13m3_memorialbridge c13m4_cutthroatcreek"},
	{"The Last Stand", "c14m1_junkyard c14m2_lighthouse"},
}

// MapGroup is a campaign as the choice of a map shows it.
type MapGroup struct {
	Title string
	Maps  []MapChoice
}

// MapChoice is one map to go to.
type MapChoice struct {
	Map, Label string
	Modes      []string // that it can be played in; nil = unknown
}

// MapGroups returns the campaigns that a server can play: those of its overlays first, then the official ones.
func MapGroups(addons api.Addons) []MapGroup {
	var out []MapGroup
	for _, c := range addons.Campaigns {
		group := MapGroup{Title: firstText(c.Title, c.Name) + " (" + c.Overlay + ")"}
		for _, mode := range c.Modes {
			for _, chapter := range mode.Chapters {
				if !slices.ContainsFunc(group.Maps, func(m MapChoice) bool { return strings.EqualFold(m.Map, chapter.Map) }) {
					group.Maps = append(group.Maps, MapChoice{chapter.Map, fmt.Sprintf("%d. %s", chapter.Number, mapLabel(chapter)), ModesOf(addons, chapter.Map)})
				}
			}
		}
		if len(group.Maps) > 0 {
			out = append(out, group)
		}
	}
	for _, c := range official {
		group := MapGroup{Title: c.title}
		for i, name := range strings.Fields(c.maps) {
			group.Maps = append(group.Maps, MapChoice{Map: name, Label: fmt.Sprintf("%d. %s", i+1, name)})
		}
		out = append(out, group)
	}
	return out
}

func mapLabel(c api.Chapter) string {
	if c.Title == "" || c.Title == c.Map {
		return c.Map
	}
	return c.Title + " · " + c.Map
}

// Modes are what the choice of a mode offers, by the names that the game uses.
func Modes(addons api.Addons) []string {
	out := []string{"coop", "realism", "versus", "survival", "scavenge"}
	for _, c := range addons.Campaigns {
		for _, m := range c.Modes {
			if !slices.Contains(out, m.Name) {
				out = append(out, m.Name)
			}
		}
	}
	return out
}

// derived are modes that the game plays on the maps of another one, where a campaign does not say so itself.
var derived = map[string]string{"realism": "coop"}

// ModesOf returns the modes of [Modes] that a map can be played in, by what the campaigns with it say. nil is unknown: all
// are tried, as for the official maps.
func ModesOf(addons api.Addons, name string) []string {
	var listed []string
	for _, c := range addons.Campaigns {
		for _, m := range c.Modes {
			if slices.ContainsFunc(m.Chapters, func(chapter api.Chapter) bool { return strings.EqualFold(chapter.Map, name) }) {
				listed = append(listed, strings.ToLower(m.Name))
			}
		}
	}
	if len(listed) == 0 {
		return nil
	}
	var out []string
	for _, mode := range Modes(addons) {
		if slices.Contains(listed, strings.ToLower(mode)) || slices.Contains(listed, derived[mode]) {
			out = append(out, mode)
		}
	}
	return out
}

// MapTitle names a map as people know it: "Dead Center, 1" for c1m1_hotel, or "".
func MapTitle(addons api.Addons, name string) string {
	for _, c := range official {
		if i := slices.Index(strings.Fields(c.maps), strings.ToLower(name)); i >= 0 {
			return fmt.Sprintf("%s, %d", c.title, i+1)
		}
	}
	for _, c := range addons.Campaigns {
		for _, m := range c.Modes {
			for _, chapter := range m.Chapters {
				if strings.EqualFold(chapter.Map, name) {
					return fmt.Sprintf("%s, %d", firstText(c.Title, c.Name), chapter.Number)
				}
			}
		}
	}
	return ""
}

// Words are what the command line completes: commands and cvars that people use on a server, and the maps it has.
func Words(addons api.Addons) []string {
	out := strings.Fields(commands)
	for _, group := range MapGroups(addons) {
		for _, m := range group.Maps {
			out = append(out, m.Map)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// commands of srcds, of Left 4 Dead 2 and of SourceMod.
const commands = `status stats say kick kickid banid banip removeid removeip listid listip writeid writeip exec map changelevel maps
version users heartbeat cvarlist find help echo log quit logaddress_add logaddress_del sv_password sv_cheats sv_alltalk sv_gravity
sv_lan sv_region sv_tags sv_visiblemaxplayers sv_maxplayers sv_steamgroup sv_steamgroup_exclusive sv_search_key sv_allow_lobby_connect_only
sv_hibernate_when_empty sv_pausable sv_consistency sv_pure sv_voiceenable sv_maxrate sv_minrate sv_maxcmdrate sv_mincmdrate
sv_maxupdaterate sv_minupdaterate sv_logecho sv_logfile sv_log_onefile sv_logbans sv_gametypes sv_vote_creation_timer sv_vote_issue_kick_allowed
hostname motdfile mp_gamemode mp_disable_autokick mp_restartgame z_difficulty z_common_limit z_mob_spawn_max_size z_tank_health z_witch_health
z_max_player_zombies z_versus_boss_spawning director_stop director_start director_no_bosses director_no_mobs director_no_specials
director_no_survivor_bots director_force_tank director_force_witch director_force_panic_event survivor_limit survivor_friendly_fire_factor_normal
survivor_max_incapacitated_count ammo_assaultrifle_max ammo_huntingrifle_max ammo_shotgun_max ammo_smg_max nb_update_frequency
vs_max_team_switches allow_all_bot_survivor_team sb_all_bot_game sb_stop sb_add fps_max net_splitpacket_maxrate
meta plugin_print plugin_load plugin_unload sm_kick sm_ban sm_unban sm_map sm_cvar sm_rcon sm_say sm_csay sm_psay sm_votekick sm_votemap
sm_slap sm_slay sm_reloadadmins sm_rehash sm_execcfg`
