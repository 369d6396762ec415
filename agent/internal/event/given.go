package event

// Given is the message of an event that says whose something was and is; "" is nobody.
func Given(from, to string) string {
	return "It belonged to " + somebody(from) + " and belongs to " + somebody(to) + " now."
}

func somebody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}
