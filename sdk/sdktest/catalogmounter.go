package sdktest

func mounterTexts() []explained {
	return []explained{
		{"C60", "The host plans with what the probe says.", "Name the filesystem, and how many layers a mount can have (2 at least)."},
		{"C61", "Who wins decides what players get.", "Stack the layers highest first and answer with the stack and its fingerprint."},
		{"C62", "The host repeats a call when it is in doubt.", "Answer the same Mount with existed, another stack with ALREADY_EXISTS, absent layers with NOT_FOUND."},
		{"C63", "The host repeats a call when it is in doubt.", "Answer Unmount of what is not mounted with success and was_mounted = false."},
		{"C64", "Ids become directories of a privileged process.", "Check every id against ^[a-z0-9][a-z0-9-]{0,63}$ before you use it: INVALID_ARGUMENT, and nothing done."},
		{"C66", "Games append, rename and delete; the next server must not see it.", "Let writes go to the server's upper, never to a layer."},
		{"C67", "A server keeps its logs and databases.", "Keep the upper over Unmount, also when the layers change."},
		{"C68", "Pulling a tree away from a game breaks it.", "Refuse Unmount of a busy tree with FAILED_PRECONDITION, and do it when lazy is set."},
		{"C69", "Plugins die; mounts do not.", "Find mounts and staged builds anew from the kernel and the disk, not from memory."},
		{"C71", "Collections make high stacks.", "Carry as many layers as the probe says, and refuse one more with INVALID_ARGUMENT."},
		{"C74", "Hosts start all servers at once.", "Lock by server, and treat the same call twice at once as once."},
		{"C80", "A build that was interrupted goes on.", "Answer Stage of a known build with resumed and the same path, another base with ALREADY_EXISTS."},
		{"C81", "A revision is final.", "Answer the same Commit with existed; refuse another build for the same target."},
		{"C82", "People read what a build changed.", "Count files that were added, changed and removed against the base."},
		{"C83", "Content comes from strangers.", "Refuse or mend links that lead out, pipes, devices, setuid bits and names that are not UTF-8; note what you mended."},
		{"C84", "Disks are finite.", "Refuse a Commit beyond max_bytes or max_files with INVALID_ARGUMENT and keep the tree."},
		{"C85", "Failed builds are thrown away.", "Remove the staging tree, leave its base alone, and answer again with success."},
		{"C86", "Configuration holds passwords.", "Write files of a server beneath its tree only, secret ones unreadable for others, all or nothing."},
		{"C87", "The host follows mounts.", "Report what is mounted as current, then each change."},
		{"C88", "People compare revisions.", "Report changes by path with their sizes, ordered."},
		{"C89", "The host cleans up what nobody needs.", "List all content, builds and servers, and measure each."},
		{"C90", "What is mounted must stay.", "Refuse Remove while mounted with FAILED_PRECONDITION; otherwise remove, and answer again with existed = false."},
		{"C91", "A reset keeps the server.", "With reset, empty the upper and keep the server in the list."},
		{"C92", "People look into a layer before they stack it.", "Read files and directories of a layer by its ids, follow no link, and refuse paths that lead out."},
		{"C93", "People see what their server changed, and a game may lay traps there.", "Show the upper with deletions and opaque directories as such, mounted or not; open nothing but regular files, and follow no link."},
		{"C94", "One bad file is no reason to lose everything a server wrote.", "Remove a path from an upper that is not mounted, links themselves and not what they lead to; answer again with existed = false."},
	}
}
