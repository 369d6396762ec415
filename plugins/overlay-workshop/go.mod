module github.com/left4me/left4me/plugins/overlay-workshop

go 1.26.0

require github.com/left4me/left4me/sdk v0.0.0

replace github.com/left4me/left4me/sdk => ../../sdk
