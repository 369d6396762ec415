package script

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk"
)

// packages maps commands to the Debian packages that hold them, where the names differ or are worth
// saying. Every other command is its own guess.
func packages() map[string]string {
	return map[string]string{
		"7z": "p7zip-full", "7za": "p7zip-full", "7zr": "p7zip", "unzip": "unzip", "zip": "zip", "curl": "curl",
		"wget": "wget", "git": "git", "jq": "jq", "python3": "python3", "perl": "perl", "xz": "xz-utils",
		"bzip2": "bzip2", "zstd": "zstd", "unrar": "unrar-free", "rsync": "rsync", "file": "file",
		"awk": "mawk", "gawk": "gawk", "sed": "sed", "tar": "tar", "gzip": "gzip", "find": "findutils",
		"xargs": "findutils", "md5sum": "coreutils", "sha256sum": "coreutils", "sqlite3": "sqlite3", "patch": "patch",
	}
}

// Path is where a sandbox looks for commands.
func Path() []string {
	return []string{"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"}
}

// missing returns the tools that are in none of the directories, in order and without repetition.
func missing(tools, path []string) []string {
	var out []string
	for _, tool := range tools {
		if !installed(tool, path) && !slices.Contains(out, tool) {
			out = append(out, tool)
		}
	}
	return out
}

func installed(tool string, path []string) bool {
	for _, dir := range path {
		info, err := os.Stat(filepath.Join(dir, tool))
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o001 != 0 {
			return true
		}
	}
	return false
}

// CheckTools returns an *sdk.Error that names the package to install when a tool is in none of the
// directories of path.
func CheckTools(tools, path []string) error {
	absent := missing(tools, path)
	if len(absent) == 0 {
		return nil
	}
	known := packages()
	var install []string
	for _, tool := range absent {
		name := known[tool]
		if name == "" {
			name = tool
		}
		if !slices.Contains(install, name) {
			install = append(install, name)
		}
	}
	what := fmt.Sprintf("%q, which is", absent[0])
	if len(absent) > 1 {
		what = fmt.Sprintf("the commands %s, which are", strings.Join(absent, ", "))
	}
	return sdk.Errorf(sdk.CodePrecondition, "The script needs %s not installed on this host.", what).
		WithHint("Ask the operator to run: apt-get install " + strings.Join(install, " "))
}
