DROP TABLE replica_marks;
DROP TABLE epoch;
