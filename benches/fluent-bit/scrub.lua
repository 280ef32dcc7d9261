-- What a Fluent Bit user writes without tamis: IPv4 and IPv6 addresses to networks, user
-- names away. The peer of the coturn filter in `run.py`; it knows far less of coturn's lines.

local function v4(a, b, c)
    return a .. "." .. b .. "." .. c .. ".0"
end

local function v6(address)
    -- Times and the like have one or two colons and no double one.
    if not address:find("::", 1, true) then
        local _, colons = address:gsub(":", "")
        if colons < 7 then
            return nil
        end
    end
    local kept = {}
    for group in address:gmatch("%x+") do
        if #kept < 3 then
            kept[#kept + 1] = group
        end
    end
    return table.concat(kept, ":") .. "::"
end

function scrub(tag, timestamp, record)
    local line = record["log"]
    if type(line) ~= "string" then
        return 0, timestamp, record
    end
    local text = line:gsub("(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.%d%d?%d?", v4)
    text = text:gsub("%x*:[%x:]+:%x*", v6)
    text = text:gsub("(user[name]*[ =])<[^>]*>", "%1<[REDACTED:user]>")
    if text == line then
        return 0, timestamp, record
    end
    record["log"] = text
    -- 2: only the record has changed.
    return 2, timestamp, record
end
