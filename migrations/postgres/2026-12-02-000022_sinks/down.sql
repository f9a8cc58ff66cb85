DROP TABLE sink_letters;
DROP TABLE sinks;
