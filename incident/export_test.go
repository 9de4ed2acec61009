package incident

// LoggedFields returns the paths of the fields whose changes are logged.
func LoggedFields() (paths []string) {
	for _, f := range incidentFields() {
		paths = append(paths, f.path)
	}
	return paths
}
