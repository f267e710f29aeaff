"""Words every part of the system uses the same way: roles, purposes, modes. Standard library only, so that `domain` may import it."""

from enum import StrEnum


class Role(StrEnum):
    """What an account may do for its agency (岗位)."""

    VIEWER = "viewer"
    PLANNER = "planner"  # 计划岗
    DRAW_OFFICER = "draw_officer"  # 抽取岗
    INSPECTOR = "inspector"  # 执法检查人员
    TEAM_LEAD = "team_lead"  # 检查组长
    APPROVER = "approver"  # 审核岗
    PUBLISHER = "publisher"  # 公示岗
    AGENCY_HEAD = "agency_head"  # 部门负责人
    SUPERVISOR = "supervisor"  # 监督岗
    WITNESS = "witness"  # 见证人
    AGENCY_ADMIN = "agency_admin"  # 部门管理员
    COUNTY_ADMIN = "county_admin"  # 县级管理员


class AgencyKind(StrEnum):
    """What a body is to the campaigns of a county."""

    AGENCY = "agency"  # 执法部门, has accounts and may inspect
    WITNESS_BODY = "witness_body"  # 见证机构, such as a notary office
    EXTERNAL = "external"  # 未接入部门, receives letters only


class Purpose(StrEnum):
    """Whether a draw counts (JIDRAW/1 section 4)."""

    LIVE = "live"
    REHEARSAL = "rehearsal"


class ReferralMode(StrEnum):
    """移送 (open until decided) or 抄告 (closed by its receipt)."""

    TRANSFER = "transfer"
    INFORM = "inform"


class Stage(StrEnum):
    """The four stages of a campaign (seed S4, part five)."""

    PREPARE = "prepare"  # 方案
    DRAW = "draw"  # 抽取
    INSPECT = "inspect"  # 检查
    PUBLISH = "publish"  # 公示


class Scope(StrEnum):
    """What an API client (接口密钥) may do for its agency: it opens the routes whose access line names it, and no other."""

    FEED_READ = "feed:read"  # 事件流
    CAMPAIGNS_READ = "campaigns:read"  # 联合抽查任务
    ASSIGNMENTS_READ = "assignments:read"  # 本单位的检查任务，含检查对象
    VISITS_SCHEDULE = "visits:schedule"  # 牵头单位安排检查日期
    REFERRALS_READ = "referrals:read"  # 移送与抄告
    REFERRALS_ANSWER = "referrals:answer"  # 签收、受理、退回、作出处理决定
    DRAWS_SPEAK = "draws:speak"  # 以本单位名义参与抽取：承诺、会签、揭示、封存、骰子
    DRAWS_IMPORT = "draws:import"  # 提交在别处进行的抽取，由人复核


SERVICES = ("console", "planner", "drawer", "results", "notifier")
