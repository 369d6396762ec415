package steam

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/left4me/left4me/sdk/format/keyvalues"
)

// Manifest is what steamapps/appmanifest_<app>.acf says about an installed app.
type Manifest struct {
	App    string
	Flags  int    // 4 = installed, and nothing else to do
	Build  string // installed
	Target string // wanted; "0" or the same as Build when nothing is under way
	Depots []string
	Bytes  uint64 // on disk
}

// Installed is the state of an app with nothing to do.
const Installed = 4

// ReadManifest reads an app manifest.
func ReadManifest(data []byte) (Manifest, error) {
	node := keyvalues.ParseEscaped(data).Find("AppState")
	if node == nil {
		return Manifest{}, errors.New("the app manifest has no AppState")
	}
	m := Manifest{App: node.Text("appid"), Flags: node.Int("StateFlags"), Build: node.Text("buildid"), Target: node.Text("TargetBuildID"),
		Bytes: number(node.Text("SizeOnDisk"))}
	if depots := node.Find("InstalledDepots"); depots != nil {
		for _, depot := range depots.Children {
			m.Depots = append(m.Depots, depot.Key)
		}
	}
	if !Digits(m.App) || !Digits(m.Build) {
		return Manifest{}, errors.New("the app manifest names no app or build")
	}
	return m, nil
}

// AppInfo is what Steam has of an app now.
type AppInfo struct {
	Build string // of the branch
	Bytes uint64 // of the depots for every platform and for Linux, unpacked; 0 = not said
}

// ReadAppInfo finds the KeyValues of app in the output of app_info_print. branch is "public" for the usual one.
func ReadAppInfo(output []byte, app, branch string) (AppInfo, error) {
	start := bytes.Index(output, []byte("\""+app+"\"\n{"))
	if start < 0 {
		start = bytes.Index(output, []byte("\""+app+"\"\r\n{"))
	}
	if start < 0 {
		return AppInfo{}, errors.New("steamcmd printed no information about the app")
	}
	depots := keyvalues.ParseEscaped(output[start:]).Find(app).Find("depots")
	info := AppInfo{Build: depots.Find("branches").Find(branch).Text("buildid")}
	if !Digits(info.Build) {
		return AppInfo{}, errors.New("the app has no branch " + strconv.Quote(branch))
	}
	for _, depot := range depots.Children {
		if systems := depot.Find("config").Text("oslist"); systems != "" && !strings.Contains(systems, "linux") {
			continue
		}
		if manifest := depot.Find("manifests").Find(branch); manifest != nil {
			info.Bytes += number(manifest.Text("size"))
		}
	}
	return info, nil
}

// PatchVersion reads the version of the game from steam.inf, for example "2.2.4.3"; "" when it is not there.
func PatchVersion(inf []byte) string {
	for line := range strings.Lines(string(inf)) {
		version, found := strings.CutPrefix(strings.TrimSpace(line), "PatchVersion=")
		if found && len(version) <= 40 && Digits(strings.ReplaceAll(version, ".", "")) {
			return version
		}
	}
	return ""
}

// UpToDate is the answer of ISteamApps/UpToDateCheck.
type UpToDate struct {
	Current  bool
	Required string // version without dots that Steam wants; "" when current
}

// ReadUpToDate reads the answer of UpToDateCheck.
func ReadUpToDate(data []byte) (UpToDate, error) {
	var answer struct {
		Response struct {
			Success  bool        `json:"success"`
			Current  bool        `json:"up_to_date"`
			Required json.Number `json:"required_version"`
			Error    string      `json:"error"`
		} `json:"response"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return UpToDate{}, err
	}
	if !answer.Response.Success {
		return UpToDate{}, errors.New("Steam could not say whether the version is current")
	}
	return UpToDate{Current: answer.Response.Current, Required: answer.Response.Required.String()}, nil
}

// Digits reports whether text is a number of at most 20 digits, as ids are.
func Digits(text string) bool {
	return text != "" && len(text) <= 20 && strings.Trim(text, "0123456789") == ""
}

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return n
}
