// Package standin stands in for the web sites that the example scripts fetch from: the map lists of
// l4d2center.com and cedapug.com, and the two ways to get files of a repository from GitHub. It
// serves real archives with real VPK files in them, and can be told to fail in the ways sites do.
//
// Sources of the formats: the sites' own lists, 7zFormat.txt of the LZMA SDK, GitHub's archives.
package standin
