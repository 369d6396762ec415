package api

// Paths of ownership.
const (
	PathOverlayOwner   = PathOverlay + "/owner"   // POST OwnerChange -> Overlay
	PathBlueprintOwner = PathBlueprint + "/owner" // POST OwnerChange -> Blueprint
	PathServerOwner    = PathServer + "/owner"    // POST OwnerChange -> Server
)

// OwnerChange makes something belong to somebody else.
type OwnerChange struct {
	Owner string `json:"owner" doc:"Name of the account, as the panel writes it; empty: nobody."`
}
