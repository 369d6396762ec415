package plugininstall

// ParseUnit returns section, key and value of each line, for the fuzzer.
func ParseUnit(data []byte) [][3]string {
	var out [][3]string
	for _, a := range parseUnit(data) {
		out = append(out, [3]string{a.section, a.key, a.value})
	}
	return out
}
