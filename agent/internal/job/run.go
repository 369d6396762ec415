package job

// Run is one execution of a job, handed to its handler.
type Run struct{}
