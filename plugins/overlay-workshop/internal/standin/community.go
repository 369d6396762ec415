package standin

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"strings"
	"time"
)

// previewPath is the place of the item's preview. Another picture has another one.
func (i *Item) previewPath() string {
	sum := sha1.Sum(append([]byte("preview/"+i.ID+"/"), i.Preview...))
	return "/preview/" + i.ID + "/" + hexUpper(sum[:]) + "/"
}

// preview serves a picture, or with the fault that it has.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.stats.Previews++
	known := s.previews[r.URL.Path]
	if known == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	item, fault := *known, known.PreviewFault
	if known.PreviewFault.Times > 0 {
		if known.PreviewFault.Times--; known.PreviewFault.Times == 0 {
			known.PreviewFault = Fault{}
		}
	}
	s.mu.Unlock()
	data := item.Preview
	if len(data) == 0 {
		data = picture(item.ID)
	}
	switch {
	case fault.Redirect != "":
		http.Redirect(w, r, fault.Redirect, http.StatusFound)
	case fault.Status != 0:
		if fault.RetryAfter != 0 {
			w.Header().Set("Retry-After", fmt.Sprint(fault.RetryAfter))
		}
		w.WriteHeader(fault.Status)
	case fault.HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><body>An error occurred.</body></html>\n")) // the client may be gone
	default:
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		trickle(w, r, data, fault)
	}
}

// trickle sends data at a rate, and breaks off where the fault says.
func trickle(w http.ResponseWriter, r *http.Request, data []byte, fault Fault) {
	if fault.Rate == 0 && fault.CutAfter == 0 {
		_, _ = w.Write(data) // the client may be gone
		return
	}
	for i := range data {
		if fault.CutAfter > 0 && int64(i) >= fault.CutAfter {
			panic(http.ErrAbortHandler) // the documented way to break a connection
		}
		if _, err := w.Write(data[i : i+1]); err != nil {
			return
		}
		if fault.Rate == 0 {
			continue
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(time.Second / time.Duration(fault.Rate)):
		case <-r.Context().Done():
			return
		}
	}
}

// picture is a hilly landscape of 160 by 90 pixels in a colour of the item's own.
func picture(id string) []byte {
	sum := crc32.ChecksumIEEE([]byte(id))
	sky := color.RGBA{R: uint8(70 + sum%120), G: uint8(70 + sum>>8%120), B: uint8(90 + sum>>16%120), A: 255}
	out := image.NewRGBA(image.Rect(0, 0, 160, 90))
	for x := range 160 {
		hill := 45 + int(sum>>(x/40*4))%20 + (x%40-20)*(x%40-20)/20
		for y := range 90 {
			tone := color.RGBA{R: sky.R - uint8(y/2), G: sky.G - uint8(y/2), B: sky.B - uint8(y/2), A: 255}
			if y > hill {
				tone = color.RGBA{R: 20, G: 24, B: 30, A: 255}
			}
			out.SetRGBA(x, y, tone)
		}
	}
	var data bytes.Buffer
	_ = jpeg.Encode(&data, out, nil) // to memory
	return data.Bytes()
}

// profile serves the public page of an account, in its XML form only.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.stats.Profiles++
	fault := s.profiles
	if s.profiles.Times > 0 {
		s.profiles.Times--
	}
	name, known := "", false
	for _, player := range s.world.Players {
		if player.SteamID == r.PathValue("id") {
			name, known = player.Name, true
		}
	}
	s.mu.Unlock()
	if fault.Times > 0 {
		if fault.Status != 0 || fault.Body != "" {
			if fault.RetryAfter != "" {
				w.Header().Set("Retry-After", fault.RetryAfter)
			}
			w.WriteHeader(cmp.Or(fault.Status, http.StatusOK))
			_, _ = w.Write([]byte(fault.Body)) // the client may be gone
			return
		}
		select {
		case <-time.After(time.Duration(fault.DelayMS) * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
	if r.URL.Query().Get("xml") != "1" {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><body>Steam Community</body></html>"))
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write([]byte(profilePage(r.PathValue("id"), name, known)))
}

func profilePage(id, name string, known bool) string {
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	if !known {
		return head + "<response><error><![CDATA[The specified profile could not be found.]]></error></response>\n"
	}
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(id)) // to memory
	return head + "<profile>\n\t<steamID64>" + escaped.String() + "</steamID64>\n\t<steamID><![CDATA[" + strings.ReplaceAll(name, "]]>", "") +
		"]]></steamID>\n\t<onlineState>offline</onlineState>\n\t<privacyState>public</privacyState>\n\t<visibilityState>3</visibilityState>\n" +
		"\t<groups>\n\t\t<group><groupName><![CDATA[A group]]></groupName><steamID>not this one</steamID></group>\n\t</groups>\n</profile>\n"
}
