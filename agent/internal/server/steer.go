package server

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/query"
)

// mapName and modeName are what the engine and mission files use. Nothing in them can end an argument.
var (
	mapName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}$`)
	modeName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
)

// maxReason bounds what players are told, in bytes.
const maxReason = 200

// Say shows a message of the server to everybody who plays.
func (m *Manager) Say(ctx context.Context, actor, name, text string) error {
	if strings.TrimSpace(text) == "" {
		return fault.New(fault.Invalid, "There is nothing to say.").WithField("text").WithHint("Give a text.")
	}
	if err := checkText("text", text); err != nil {
		return err
	}
	return m.steer(ctx, actor, name, "server.say", "Said: "+text, []string{"say", text})
}

// Kick throws a player out. userID is the game's number of the connection; steamID, when it is not 0, must still be
// the one behind it, else Conflict: numbers are given to others when a player leaves.
func (m *Manager) Kick(ctx context.Context, actor, name string, userID int, steamID uint64, reason string) error {
	if err := checkText("reason", reason); err != nil {
		return err
	}
	p, err := m.player(ctx, name, userID)
	if err != nil {
		return err
	}
	if steamID != 0 && p.SteamID != steamID {
		return fault.New(fault.Conflict, "Number %d is somebody else now.", userID).WithHint("Look at the players again.")
	}
	return m.steer(ctx, actor, name, "server.kick", told("Kicked "+who(p), reason),
		[]string{"kickid", strconv.Itoa(userID), cmp.Or(reason, "Kicked by an administrator")})
}

// Ban keeps a person out for minutes, 0 for good, and throws them out if they play. The game writes its list of bans
// into what the server itself keeps, so a reset forgets them.
func (m *Manager) Ban(ctx context.Context, actor, name string, steamID uint64, minutes int) error {
	text, err := steamText(steamID)
	if err != nil {
		return err
	}
	if minutes < 0 || minutes > 60*24*365 {
		return fault.New(fault.Invalid, "A ban lasts 0 (for good) to 525600 minutes.").WithField("minutes")
	}
	said := "Banned " + text + " for good."
	if minutes > 0 {
		said = "Banned " + text + " for " + strconv.Itoa(minutes) + " minutes."
	}
	return m.steer(ctx, actor, name, "server.ban", said,
		[]string{"banid", strconv.Itoa(minutes), text, "kick"}, []string{"writeid"})
}

// Unban lets a person in again.
func (m *Manager) Unban(ctx context.Context, actor, name string, steamID uint64) error {
	text, err := steamText(steamID)
	if err != nil {
		return err
	}
	return m.steer(ctx, actor, name, "server.unban", "Took back the ban of "+text+".", []string{"removeid", text}, []string{"writeid"})
}

// ChangeMap goes to another map, and to another mode unless that is "". Precondition: the game does not have the map.
func (m *Manager) ChangeMap(ctx context.Context, actor, name, to, mode string) error {
	switch {
	case !mapName.MatchString(to):
		return fault.New(fault.Invalid, "%q is not the name of a map.", to).WithField("map").
			WithHint("Map names have letters, digits, _, . and -, for example c1m1_hotel.")
	case mode != "" && !modeName.MatchString(mode):
		return fault.New(fault.Invalid, "%q is not a game mode.", mode).WithField("mode").WithHint("For example coop, versus, survival.")
	}
	var commands [][]string
	said := "Changed the map to " + to + "."
	if mode != "" {
		commands = append(commands, []string{"mp_gamemode", mode})
		said = "Changed the map to " + to + ", mode " + mode + "."
	}
	return m.steer(ctx, actor, name, "server.map", said, append(commands, []string{"changelevel", to})...)
}

// steer runs commands one after another and records what was done.
func (m *Manager) steer(ctx context.Context, actor, name, kind, said string, commands ...[]string) error {
	s, err := m.answering(ctx, name)
	if err != nil {
		return err
	}
	for _, words := range commands {
		line, err := query.BuildCommand(words[0], words[1:]...)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "The game cannot take this text.").WithHint("Leave out double quotes and line breaks.")
		}
		if words[0] == "changelevel" {
			m.tracker.loading(s.ID, true)
		}
		output, err := m.Game.Exec(ctx, s.Port, s.RCONPassword, line)
		// A map change writes rcon_password again, and with that the game hangs up on us.
		if err != nil && (words[0] != "changelevel" || !fault.Is(err, fault.Unavailable)) {
			return err
		}
		if strings.Contains(output, "changelevel failed") {
			m.tracker.loading(s.ID, false)
			return fault.New(fault.Precondition, "The game has no map %q.", words[1]).WithField("map").
				WithHint("Upper and lower case count; see the campaigns of the server.")
		}
	}
	m.rosters.drop(s.ID)
	return m.Store.Update(ctx, func(tx Tx) error { return tx.AddEvent(ctx, m.event(kind, s, actor, said)) })
}

// player returns the one who plays with a number.
func (m *Manager) player(ctx context.Context, name string, userID int) (Player, error) {
	players, err := m.Players(ctx, name)
	if err != nil {
		return Player{}, err
	}
	for _, p := range players {
		if p.UserID == userID {
			return p, nil
		}
	}
	return Player{}, fault.New(fault.NotFound, "Nobody with this number plays on server %q.", name).
		WithHint("Look at the players again; they may have left.")
}

// checkText refuses what would not arrive as one argument.
func checkText(field, text string) error {
	if len(text) > maxReason {
		return fault.New(fault.Invalid, "The %s has %d bytes, at most %d.", field, len(text), maxReason).WithField(field).WithHint("Make it shorter.")
	}
	if _, err := query.Quote(text); errors.Is(err, query.ErrCommand) {
		return fault.Wrap(err, fault.Invalid, "The game cannot take this %s.", field).WithField(field).
			WithHint("Leave out double quotes and line breaks.")
	}
	return nil
}

func steamText(id uint64) (string, error) {
	text, ok := query.SteamID(id)
	if !ok {
		return "", fault.New(fault.Invalid, "%d is not the SteamID64 of a person.", id).WithField("steam_id").
			WithHint("A SteamID64 has 17 digits and begins with 7656119.")
	}
	return text, nil
}

func who(p Player) string {
	if p.SteamID == 0 {
		return p.Name
	}
	return p.Name + " (" + strconv.FormatUint(p.SteamID, 10) + ")"
}

func told(what, reason string) string {
	if reason == "" {
		return what + "."
	}
	return what + ": " + reason
}
