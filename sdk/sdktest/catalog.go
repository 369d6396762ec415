package sdktest

import "github.com/left4me/left4me/sdk"

// Check is one check as its documentation has it.
type Check struct {
	ID   string `json:"id"`   // "C39"; stable, never given to another check
	Name string `json:"name"` // what holds when it passes
	Why  string `json:"why"`  // what goes wrong on a host without it
	Next string `json:"next"` // what an author does when it fails
}

// Checks returns the checks of a kind in the order they run.
func Checks(kind sdk.KindName) []Check {
	if kind == sdk.KindMounter {
		return documented(mounterChecks())
	}
	return documented(builderChecks())
}

func documented[S any](checks []check[S]) []Check {
	texts := map[string][2]string{}
	for _, list := range [][]explained{processTexts(), baseTexts(), builderTexts(), builderStressTexts(), mounterTexts()} {
		for _, text := range list {
			texts[text.id] = [2]string{text.why, text.next}
		}
	}
	var out []Check
	for _, c := range checks {
		out = append(out, Check{ID: c.id, Name: c.name, Why: texts[c.id][0], Next: texts[c.id][1]})
	}
	return out
}

// explained is what an author reads about a check.
type explained struct{ id, why, next string }

func processTexts() []explained {
	return []explained{
		{"C01", "The host reads the first line as go-plugin's handshake; anything else there breaks the start.",
			"Print nothing to standard output yourself. Write to standard error, and let nothing you start inherit descriptor 1."},
		{"C02", "People start programs to see what they are.",
			"Without a launch line, print one sentence with the word \"plugin\" and exit with 1."},
		{"C03", "A host can only say what to update when the plugin names its own version.",
			"When PLUGIN_PROTOCOL_VERSIONS lacks 1, print the handshake of version 1 all the same, or nothing, and end when the input ends."},
		{"C04", "The operator looks at a plugin before it may run.",
			"Take the argument \"describe\", and print the same as GetInfo as JSON."},
		{"C06", "The end of the input is the only sign of an agent that died.",
			"Read standard input to its end, cancel what runs, exit with 0."},
		{"C07", "systemd stops plugins with SIGTERM; another status is a failed unit.",
			"Handle SIGTERM: finish or cancel what runs, exit with 0."},
		{"C08", "Sockets that stay fill the runtime directory.", "Remove your socket before you exit."},
		{"C09", "A line that looks like hclog's with values of the wrong type crashes some hosts.",
			"Write @message, @level and @timestamp as texts, or plain lines."},
		{"C10", "A child that prints would write into the handshake, and one that lives on would keep the input open.",
			"After the handshake, make descriptor 1 the same as 2, and descriptor 0 /dev/null (dup2)."},
		{"C12", "A plugin is restarted many times, and its host must not drown in what is left.",
			"End and wait for every process that you started before you exit; keep nothing that stops the next start."},
		{"C13", "A plugin runs for months beside game servers that need the memory.",
			"Hold less than 256 MiB without work, and keep nothing of a call that has ended."},
	}
}

func baseTexts() []explained {
	return []explained{
		{"C05", "The agent refuses a plugin whose description it cannot trust.",
			"Give a name (a-z, 0-9, -), a semantic version, the kind and an sdk version in GetInfo."},
		{"C11", "The panel shows the health of a plugin as soon as it runs.",
			"Send a first message in WatchHealth at once, with a description when the state is not healthy."},
		{"C20", "The form of the panel, flags and documentation come from the schemas.",
			"Give a JSON Schema 2020-12 of the plugin's settings, also when there are none: {\"type\":\"object\",\"additionalProperties\":false}."},
		{"C21", "An operator needs to know which line of the settings is wrong.",
			"Answer Configure with an error diagnostic whose pointer (RFC 6901) names the setting, not with an error."},
		{"C22", "Settings change while a plugin runs.", "Take Configure any number of times, and refuse what is not JSON."},
		{"C23", "A plugin without settings would guess.", "Answer calls of your kind before Configure with FAILED_PRECONDITION."},
		{"C25", "A drain that lets new work in never ends.", "After Drain, answer calls of your kind with UNAVAILABLE, and count only what you had to cancel."},
	}
}

func builderTexts() []explained {
	return []explained{
		{"C24", "Job logs are read by many.", "Keep secrets out of logs, output, errors and results; hand them to children by file or pipe."},
		{"C26", "An upgrade waits for the plugin.", "Cancel running builds when Drain's grace is over, with CANCELED, and say how many."},
		{"C27", "A person needs to know which field of the form is wrong.",
			"Answer Validate with an error diagnostic that points at the setting, and Build with INVALID_ARGUMENT."},
		{"C30", "Forms validate while people type.", "Write nothing and ask nobody in Validate."},
		{"C31", "People press Build before they fill in the form.", "What Validate refuses, Build must refuse too (INVALID_ARGUMENT) with an empty tree, or take both."},
		{"C32", "What a result says is what the host shows and limits.",
			"Leave at least one file, count files and bytes as they are, and say unchanged only for a rebuild."},
		{"C33", "A lost event looks like a gap; a second result like another build.",
			"Number events 1, 2, 3, …, send pieces of output up to 32 KiB, and end with one result."},
		{"C34", "A bar that jumps back is a lie.", "Let done grow within a phase, up to total."},
		{"C35", "What lies beside the tree belongs to others.", "Write only beneath output_dir and your cache directory."},
		{"C36", "Content is mounted under a game.", "Make files, directories and links that stay inside; no devices, pipes, setuid bits."},
		{"C37", "Equal content is stored once and needs no restart of servers.",
			"Make the content a function of the settings, without times and random names, and the cache key a function of the content. If it cannot be, verify with --unstable."},
		{"C38", "A rebuild that overlooks a change keeps servers on old content.",
			"Compare the new settings, not only what was annotated, before you say unchanged."},
	}
}

func builderStressTexts() []explained {
	return []explained{
		{"C39", "Jobs are canceled at any moment.", "Look at the call's cancelation in every loop, stop children, answer CANCELED within two seconds, write nothing afterwards."},
		{"C40", "A site that hangs must not hold a worker for ever.", "Pass the call's deadline on to all that you wait for."},
		{"C41", "Machines lose power.", "Leave no lock that outlives the process; take what a killed build left for nothing, or for a cache that is checked."},
		{"C42", "Several overlays are built at once.", "Keep no state in common without a lock, and refuse no second build."},
		{"C43", "Disks are finite.", "Stop with INVALID_ARGUMENT when max_bytes, max_files or max_time are passed."},
		{"C44", "The tree is the mounter's.", "Fail when output_dir is no directory; never make it."},
		{"C45", "A slow reader is normal over a network.", "Block when the stream is full. Drop nothing, and keep the order."},
		{"C46", "The host may forget twice.", "Answer Forget with success also for ids you do not know."},
		{"C47", "An operator who forgot a secret needs to know that, and not that something went wrong.",
			"Answer Configure with an error diagnostic, or Build with UNAUTHENTICATED or FAILED_PRECONDITION, or do without. Give secrets to verify with --secret."},
		{"C48", "A plan that differs from the build misleads.", "Name the capability build.plan exactly when Plan works, with the cache key that Build will give."},
		{"C49", "A page that asks for a picture that is not there, or is none, shows a gap.",
			"Name the capability build.describe exactly when Describe works. Describe only items that were asked for; GetPicture gives a small JPEG or PNG for those that name a picture, and NOT_FOUND for others."},
	}
}
