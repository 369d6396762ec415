package api

// Paths of a server's files.
const (
	PathServerFiles      = PathServer + "/files"      // GET Directory ?path=
	PathServerFile       = PathServer + "/file"       // GET bytes ?path=&layer=, PUT text ?path=&was= -> 204, DELETE ?path= -> 204
	PathServerCollisions = PathServer + "/collisions" // GET Collisions
)

// Scopes of a server's files.
const (
	ScopeServerFiles = "server.files" // look at files and download them
	ScopeServerWrite = "server.write" // change files and reset them
)

// LayerHeader says in the answer to a download where the file comes from.
const LayerHeader = "X-Left4me-Layer"

// Directory is one directory of a server's files, as its game sees it.
type Directory struct {
	Path      string     `json:"path" doc:"\"\" is the top."`
	Entries   []FileInfo `json:"entries"`
	Started   bool       `json:"started" doc:"The layers are those of the present run; otherwise what a start would take now."`
	Missing   []string   `json:"missing,omitempty" doc:"Overlays that a start would have to build first."`
	Truncated bool       `json:"truncated,omitempty" doc:"There are more entries than are listed."`
}

// FileInfo is one entry of a directory. Layers are named server (what the server wrote), overlay/NAME and game.
type FileInfo struct {
	Name      string   `json:"name" doc:"Whatever a game made of it: never a part of markup or of a command."`
	Kind      string   `json:"kind" doc:"file, directory, link or other"`
	Bytes     int64    `json:"bytes" doc:"Of a file."`
	Layer     string   `json:"layer" doc:"Where it comes from; of a directory, the highest that has it."`
	Deleted   bool     `json:"deleted,omitempty" doc:"The server deleted it; a reset brings it back."`
	Also      []string `json:"also,omitempty" doc:"Further layers that a directory is put together from."`
	Hides     []string `json:"hides,omitempty" doc:"Layers whose entry of this name is not seen."`
	Generated bool     `json:"generated,omitempty" doc:"Each start writes it anew."`
	Unnamed   bool     `json:"unnamed,omitempty" doc:"Its name is not UTF-8, so that no request can name it. A reset of the directory removes it."`
}

// Collisions are the files that several overlays of a server have. The game is left out.
type Collisions struct {
	Collisions []Collision `json:"collisions" doc:"By path, at most 500."`
	Count      int         `json:"count" doc:"Also those that are not listed."`
	Files      int         `json:"files" doc:"How many different files were looked at."`
	Cut        bool        `json:"cut,omitempty" doc:"There were too many files to look at all of them."`
}

// Collision is a path that several overlays have. The game sees the winner's file.
type Collision struct {
	Path   string   `json:"path"`
	Winner Holder   `json:"winner"`
	Losers []Holder `json:"losers"`
}

// Holder is a layer that has a file.
type Holder struct {
	Layer string `json:"layer"`
	Bytes uint64 `json:"bytes"`
}
