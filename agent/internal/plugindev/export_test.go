package plugindev

// Render is what New writes for a module in dir, by file name.
func Render(options NewOptions, dir string) (map[string][]byte, error) { return render(options, dir) }
