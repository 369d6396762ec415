package standin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is the item as GetPublishedFileDetails has it.
func (i *Item) answer(base *url.URL) map[string]any {
	if result := cmp.Or(i.Result, ResultOK); result != ResultOK {
		return map[string]any{"publishedfileid": i.ID, "result": result}
	}
	app := cmp.Or(i.App, GameApp)
	preview := cmp.Or(i.PreviewURL, base.JoinPath(i.previewPath()).String())
	fileURL, filename := cmp.Or(i.URL, base.JoinPath(i.Path()).String()), cmp.Or(i.Filename, "myl4d2addons/item_"+i.ID+".vpk")
	var size any = fmt.Sprint(i.size())
	switch {
	case i.NoURL:
		fileURL, filename = "", ""
	case i.PreviewAsURL:
		fileURL, filename = preview, "previewfile_"+i.ID+".png"
	case i.PlainURL:
		fileURL = strings.Replace(fileURL, "https://", "http://", 1)
	}
	if i.NumberSize {
		size = i.size()
	}
	tags := []map[string]string{}
	for _, tag := range i.Tags {
		tags = append(tags, map[string]string{"tag": tag})
	}
	banned := 0
	if i.Banned {
		banned = 1
	}
	return map[string]any{
		"publishedfileid": i.ID, "result": ResultOK, "creator": cmp.Or(i.Creator, "76561198000000001"),
		"creator_app_id": app, "consumer_app_id": app, "filename": filename, "file_size": size, "file_url": fileURL,
		"hcontent_file": i.content(), "preview_url": preview, "hcontent_preview": "20933049958365817", "title": i.Title,
		"description": "", "time_created": 1_740_850_000, "time_updated": i.updated(), "visibility": 0,
		"banned": banned, "ban_reason": i.BanReason, "subscriptions": 41, "favorited": 3, "views": 148, "tags": tags,
	}
}

func (s *Server) upToDate(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	required := cmp.Or(s.world.RequiredVersion, 2243)
	s.mu.Unlock()
	version, err := strconv.Atoi(r.URL.Query().Get("version"))
	if err != nil || r.URL.Query().Get("appid") != fmt.Sprint(GameApp) {
		respond(w, map[string]any{"success": false, "error": "Couldn't get app info for the app specified."})
		return
	}
	answer := map[string]any{"success": true, "up_to_date": version >= required, "version_is_listable": version >= required}
	if version < required {
		answer["required_version"] = required
		answer["message"] = "Your server is out of date, please upgrade"
	}
	respond(w, answer)
}

func (s *Server) players(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("key") == "" {
		http.Error(w, "<html><head><title>Forbidden</title></head></html>", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for id := range strings.SplitSeq(r.URL.Query().Get("steamids"), ",") {
		for _, player := range s.world.Players {
			if player.SteamID == id {
				list = append(list, map[string]any{
					"steamid": id, "personaname": player.Name, "communityvisibilitystate": 3, "personastate": 0,
					"profileurl": "https://steamcommunity.com/profiles/" + id + "/",
				})
			}
		}
	}
	respond(w, map[string]any{"players": list})
}
