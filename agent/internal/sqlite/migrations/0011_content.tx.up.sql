-- A pinned revision is never removed by itself. What an overlay takes on the disk cannot be added up from its
-- revisions, because they share files; 0 = not measured yet.
ALTER TABLE revisions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE overlays ADD COLUMN disk_bytes INTEGER NOT NULL DEFAULT 0;
