module github.com/left4me/left4me/plugins/overlay-workshop

go 1.26.0

require github.com/left4me/left4me/sdk v0.0.0

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/left4me/left4me/sdk => ../../sdk
